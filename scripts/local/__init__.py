"""The embedded AWS: the default target, on this machine, without an account or a Docker engine."""
