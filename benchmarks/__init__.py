"""Figures of the operator on the sandbox: latency, AWS calls, CPU and memory."""
