"""How often an effect is tried, whichever style its order has; workflows/policies.py makes retry policies of it."""

from datetime import timedelta

# Three retries, after 1, 2 and 4 s.
DO_ATTEMPTS = 4
# More often than any do: about a minute and a half.
UNDO_ATTEMPTS = 8
# About eight minutes.
ALERT_ATTEMPTS = 20
LONGEST_DELAY = timedelta(seconds=30)
# One attempt, and how soon it is noticed that its worker was killed.
ATTEMPT = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=2)
