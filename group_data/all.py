"""Data of every host that its inventory does not set: a busy sshd gets two more tries, some seconds apart."""

ssh_connect_retries = 2
ssh_connect_retry_min_delay = 1.0
ssh_connect_retry_max_delay = 4.0
