#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Prints the Debian mirror that this machine's own packages come from; fails where there is none.
# apt reads both forms of its lists itself, and so do we where it has not yet updated.
set -u

main() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
  {
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 2>/dev/null | awk -v suite="$codename" '$1 == suite && $2 == "main" { print $3 }'
    sources | awk -v suite="$codename" '$2 == suite && / main( |$)/ { print $1 }'
  } | awk 'NR == 1 { print; found = 1 } END { exit !found }'
}

# "URI SUITE COMPONENT…" of every source on this machine, one a line.
sources() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?//p'
  awk '
    function flush(  i, n, names) {
      n = split(suites, names, " ")
      for (i = 1; i <= n; i++) print uri, names[i], components
      uri = suites = components = ""
    }
    FNR == 1 || /^[[:space:]]*$/ { flush() }
    /^URIs:/ { uri = $2 }
    /^Suites:/ { sub(/^Suites:[[:space:]]*/, ""); suites = $0 }
    /^Components:/ { sub(/^Components:[[:space:]]*/, ""); components = $0 }
    END { flush() }
  ' /etc/apt/sources.list.d/*.sources /dev/null 2>/dev/null
}

main
