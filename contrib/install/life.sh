# shellcheck shell=sh
# Part of install.sh: what gocron needs of the host is there and alive, seen anew by each run.

# Refuse a host on which a unit that is needed can't run.
refuse_masked() {
    is_staged && return
    needed=gocron-front.service
    if [ "$SCHEDULER" = systemd ]; then
        needed="$needed gocron-sweep.timer gocron-sweep.service gocron-summary.timer"
    elif has_cron; then
        needed="$needed $(cron_unit || true)"
    fi
    if [ "$NGINX" = true ] && command -v nginx >/dev/null; then needed="$needed nginx.service"; fi
    for unit in $needed; do
        case $(systemctl is-enabled "$unit" 2>/dev/null) in
        masked*) fail "$unit is masked, so it can't run; see why, then: systemctl unmask $unit" ;;
        esac
    done
}

# Whether a program that reads /etc/cron.d is installed. That the folder is there tells nothing.
has_cron() {
    command -v cron >/dev/null || command -v crond >/dev/null || is_known cron.target
}

# The unit of that program: Debian's cron, Enterprise Linux's cronie, or systemd-cron.
cron_unit() {
    for unit in cron.service crond.service cronie.service cron.target; do
        if is_known "$unit"; then
            echo "$unit"
            return
        fi
    done
    return 1
}

is_known() {
    [ "$(systemctl show -P LoadState "$1")" != not-found ]
}

# See to it that the unit $1 runs, now and after each boot.
keep_running() {
    if ! systemctl -q is-enabled "$1" 2>/dev/null && doing "enabling $1"; then
        systemctl -q enable "$1"
    fi
    if ! systemctl -q is-active "$1" && doing "starting $1"; then
        systemctl start "$1" 2>"$SCRATCH/complaint" || fail "$1 does not start:" \
            "$(why_not "$1"); systemctl status $1 tells more"
    fi
}

# The last that a unit said, or else what systemctl said.
why_not() {
    said=$(journalctl -q -u "$1" -n 20 -o cat 2>/dev/null | grep -i -E 'emerg|error|fail' | tail -n 1)
    echo "${said:-$(tail -n 1 "$SCRATCH/complaint")}"
}

# Refuse a host on which another program has the port that nginx is to listen on.
refuse_taken_port() {
    if is_staged || [ "$NGINX" = false ] || systemctl -q is-active nginx; then return 0; fi
    if [ -e "$NGINX_SERVER" ] && ! grep -q '^[^#]*listen.*[^0-9]80[^0-9]' "$NGINX_SERVER"; then
        return 0
    fi
    grep -qs -E '^ *[0-9]+: [0-9A-F]+:0050 [0-9A-F]+:0000 0A ' /proc/net/tcp /proc/net/tcp6 || return 0
    holder=$(ss -Hltnp 'sport = :80' 2>/dev/null |
        sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1)
    fail "port 80 is taken by ${holder:-another program}, so nginx can't listen there: free it, or" \
        "install without --nginx and let that program pass check-ins on, as contrib/nginx shows"
}

# Refuse a file system on which the program would not fit.
refuse_little_room() {
    is_staged && return
    folder=$PREFIX
    while ! [ -d "$folder" ]; do folder=$(dirname "$folder"); done
    free_mb=$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')
    [ "$free_mb" -ge "$NEEDS_MB" ] ||
        fail "$folder has $free_mb MB left, and a release wants $NEEDS_MB; make room"
}

# What a firewall of this host would have to let in: empty where none is seen.
firewall() {
    if command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q '^Status: active'; then
        echo "ufw"
    elif systemctl -q is-active firewalld; then
        echo "firewalld"
    elif command -v nft >/dev/null &&
        nft list ruleset 2>/dev/null | grep -q 'hook input .*policy drop'; then
        echo "nftables"
    fi
}
