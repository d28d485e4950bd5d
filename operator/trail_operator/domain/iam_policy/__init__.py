"""Says why AWS refuses CloudTrail a bucket, a topic, a key or a log group's role, and what to add.

Pure: policies come in as text, verdicts go out as values. Nothing here reads AWS, and nothing here decides
what a Trail's conditions become.

Read in this order: `required` (what AWS prescribes), `requests` (what CloudTrail asks for, and with which
context), `document` (a policy as written), `statements` and `conditions` (does a statement match a request),
`judge` (the verdict on a whole policy) and `wording` (its sentences).
"""
