"""Everything that depends on private parts of JupyterHub, each with its reason, version and end."""
