"""The operator under all that can happen to it at once: a random walk that is judged at every step and at rest.

Read in this order: `machine` (what can happen), `record` (what must hold at every moment), `rest` (what must hold when
everything stands still), `stage` (the operator's own parts on a time that is jumped through), and beneath it `aws`,
`kubernetes` and `virtual_time`. `expectation` knows what a trail should be: it shares no code with the operator.
"""
