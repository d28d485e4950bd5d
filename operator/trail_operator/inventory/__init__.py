"""What Trails and AWSAccounts share: the accounts, and the trails that each of them has."""
