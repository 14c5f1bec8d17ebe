"""Everything that depends on private parts of JupyterHub, each with its reason, version and end.

Each module names at the end of its docstring the program that it patches with the version that it
was written for, the issue upstream, and what ends it. Three more, which the service needs too, are
in ``jupyterhub_platform/http/``. ``tests/hub/upstream/test_still_needed.py`` asks the programs by
themselves, and says which module has become needless.
"""
