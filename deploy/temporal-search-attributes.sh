#!/bin/sh
# Create the search attributes, and wait until the server can use them: a workflow that sets one too early gets stuck.
# Idempotent; fails when an attribute exists with another type.
# Reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE (as the temporal command does) and TRIES (one per second, in total).
set -eu

tries=${TRIES:-120}

again() {
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
        echo "$1" >&2
        exit 1
    fi
    sleep 1
}

# Some parts of the server learn of a new namespace only after a few seconds.
until temporal operator search-attribute list >/dev/null 2>&1; do
    again "the namespace $TEMPORAL_NAMESPACE can't be found"
done

temporal operator search-attribute create --name OrderStatus --type Keyword --name AmountAtRisk --type Int

until temporal workflow count --query "OrderStatus = 'none' OR AmountAtRisk > 0" >/dev/null 2>&1; do
    again "the search attributes were created, but queries can't use them yet"
done
echo "the search attributes are ready"
