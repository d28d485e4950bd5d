"""An emulated AWS on one port that refuses what AWS refuses: moto, behind a strict CloudTrail of its own.

Read in this order: `trails`, `world` and `organizations` (the state: ours and moto's), `dependencies` (what a trail
needs of the world), `cloudtrail` (the operations), `arrival`, `front` and `server` (the way of a request), `moto_app`
and `moto_organizations` (moto, bettered), `access` (who may call what), `control` (faults, calls, settings),
`delivery` (log files) and `policy` (the judge of policies). Shares no code with the operator: a misreading of AWS that
both shared would pass every test.
"""
