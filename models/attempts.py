"""Numbers of attempts and timeouts, for orchestrated and choreographed orders; workflows/policies.py uses them."""

from datetime import timedelta

# Three retries, after 1, 2 and 4 s.
DO_ATTEMPTS = 4
# More than any do has: about a minute and a half.
UNDO_ATTEMPTS = 8
# About eight minutes.
ALERT_ATTEMPTS = 20
LONGEST_DELAY = timedelta(seconds=30)
# The timeout of one attempt, and the time until the server notices that its worker was killed.
ATTEMPT = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=2)
