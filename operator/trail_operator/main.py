"""For `kopf run -m trail_operator.main`: registers the kopf handlers and does nothing else."""

from trail_operator import watch  # noqa: F401 - importing it registers the handlers
