"""Reads lines of syslog and prints what an independent parser of the Common Event Format makes of each."""

import json
import sys

import pycef

for line in sys.stdin:
    print(json.dumps(pycef.parse(line.rstrip("\n"))))
