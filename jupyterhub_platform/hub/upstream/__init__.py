"""What leans on private parts of JupyterHub, each with its reason, version and end."""
