"""The AWSAccount controller: who the operator is in an account, and which trails the account has."""
