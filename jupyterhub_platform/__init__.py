"""Permission levels, resource tiers and quotas, governed inside JupyterHub."""
