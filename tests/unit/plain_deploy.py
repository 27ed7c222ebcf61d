"""Four ordinary pyinfra operations: what a host costs without xpulab, to measure against."""

from pyinfra.operations import apt, files, systemd

files.directory(path="/etc/xpulab", mode="755")
files.line(path="/etc/hosts", line="127.0.0.1 localhost")
apt.packages(packages=["docker.io"])
systemd.service(service="docker", running=True, enabled=True)
