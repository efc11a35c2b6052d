#!/bin/sh
# Runs a command in namespaces of its own: a network with the loopback interface only, processes that end with the
# command, and a /run, where `ip netns` keeps names that others would share.
exec unshare --map-root-user --net --pid --fork --kill-child --mount-proc \
    sh -c 'ip link set lo up && mount -t tmpfs run /run && exec "$@"' sh "$@"
