#!/bin/sh
# One machine, or several over ssh: parts.sh DATASET PARTS
# Each part does its share of the units, then what the others have left. Run it again after whatever happened.
set="$1" parts="$2"
part=0
while [ "$part" -lt "$parts" ]; do
    lookalike bulk run "$set" --part "$part/$parts" &
    part=$((part + 1))
done
wait
lookalike bulk status "$set"
