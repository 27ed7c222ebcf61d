"""JupyterLab of the workbench: one user, a token from a file, nothing asked of the world outside."""

import sys
from pathlib import Path

sys.path.append("/usr/local/lib/xpulab")

from workbench import addresses

c = get_config()  # noqa: F821 (Jupyter defines it)

c.IdentityProvider.token = Path("/run/xpulab/token").read_text().strip()
c.PasswordIdentityProvider.allow_password_change = False
c.ServerApp.ip = addresses.bind()
c.ServerApp.port = addresses.jupyter_port()
c.ServerApp.port_retries = 0
c.ServerApp.allow_remote_access = True
c.ServerApp.open_browser = False
c.ServerApp.use_redirect_file = False
c.ServerApp.root_dir = str(Path.home())
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash", "--login"]}
c.LabApp.extension_manager = "readonly"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
