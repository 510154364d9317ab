#!/bin/sh
# Ray on machines that are there: run the lines on them by hand, or by ssh. All need the same Python, the same
# Ray and the same lookalike  (in its source folder:  pip install ".[ray]"), and see the data set and the photos by one path.

# On each machine, once: a token, so that nobody else uses the cluster; copy ~/.ray/auth_token to all of them.
#   ray get-auth-token --generate
# On the first machine (--num-cpus 0: it only hands out):
ray start --head --port 6379 --num-cpus 4 --include-dashboard false --disable-usage-stats
# On every other; more may join, and leave, while units are run:
#   ray start --address first:6379 --disable-usage-stats

# On the first again. It may be ended and run again at any time.
lookalike bulk run "$1" --ray auto

ray stop
