#!/bin/sh
# Wait for the server, and create the namespace unless it exists. Idempotent.
# Reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE (as the temporal command does), RETENTION and TRIES (one per second).
set -eu

tries=${TRIES:-120}

until temporal operator cluster health >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
        echo "the Temporal server at $TEMPORAL_ADDRESS does not answer" >&2
        exit 1
    fi
    sleep 1
done

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    echo "namespace $TEMPORAL_NAMESPACE exists"
else
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "${RETENTION:-72h}"
fi
