"""Calls AWS; independent of Kubernetes. Start with `client.py`, which makes each call, and `cloudtrail.py`."""
