"""A node that stands in for a kubelet: Pods' containers become processes of this machine.

Images are not pulled and nothing is isolated but the address: see docs/sandbox.md for what is real and what is not.
Nothing here writes to the API server while nothing happens (no lease, no heartbeat, no Events), so that what a
test counts there is what it caused.
"""
