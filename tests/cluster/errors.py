"""What stops a cluster from being had."""


class ClusterError(Exception):
    """Raised if a cluster cannot be had; the message says what, why and what to do next."""
