"""The operator under all that can happen to it at once: a random walk that is judged at every step and at rest.

Read in this order: `machine` (what can happen; `walk` adds what only one process can do), `record` (what must hold at
every moment), `rest` (what must hold when everything stands still), `stage` (the operator's own parts on a time that is
jumped through) with `operator_life`, `aws`, `kubernetes` and `virtual_time` beneath it, `processes` (the same walk on
real processes). `expectation` knows what a trail should be: it shares no code with the operator.
"""
