"""EventBridge: buses, rules and targets that behave as AWS's do, for CloudTrail's events and for custom ones.

Read in this order: `service` (what the rest of the emulator uses), `envelope` (an event as a bus has it), `rules`
(which events a rule receives), `routing` (from a bus to the targets, at most one bus further), `permissions` (what a
queue's, a bus's and a role's policies allow), `inputs` (what a target gets of an event), `courier` (how messages get
into queues, and what the setting `event_delivery` does to them), `fates` (its decisions).
moto keeps buses, rules, targets and queues, and compares patterns. Trails and selectors are for `delivery` to judge.
"""

from trail_sandbox.aws.eventbridge.service import EventBridge

__all__ = ["EventBridge"]
