"""``python -m jupyterhub_platform`` is ``jhp``."""

from jupyterhub_platform.cli.main import main

main(prog_name="jhp")
