module jupyterhub-platform/tests/cluster/programs/own

go 1.26.0

tool jupyterhub-platform/tests/cluster/programs/own/pause

tool jupyterhub-platform/tests/cluster/programs/own/probe
