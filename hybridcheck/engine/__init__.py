"""Judging a ledger: findings, the decision, the trees. Pure: everything comes from the records that are handed in."""
