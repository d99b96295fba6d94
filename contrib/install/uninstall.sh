# shellcheck shell=sh
# Part of install.sh: all of it goes again; configuration and data only with --purge.

uninstall() {
    is_staged || [ "$(id -u)" = 0 ] || fail "must be run as root"
    stop_services
    bring_back_welcome
    : >"$SCRATCH/files"
    if [ -e "$DESTDIR$FILES" ]; then
        while read -r file; do remove "$file"; done <"$DESTDIR$FILES"
    fi
    remove "$PREFIX/releases"
    remove "$FILES"
    remove_nginx_server
    remove_data
    remove_user
    for folder in /opt/gocron "$PREFIX" /usr/local/share/man/man[158] \
        /usr/local/share/bash-completion/completions /usr/local/share/bash-completion; do
        [ "$DRY_RUN" = true ] || rmdir "$DESTDIR$folder" 2>/dev/null || true
    done
    [ "$CHANGED" = true ] || say "gocron is not installed here"
}

stop_services() {
    is_staged && return
    for unit in gocron-sweep.timer gocron-summary.timer gocron-front.service \
        gocron-sweep.service gocron-summary.service; do
        [ -e "/etc/systemd/system/$unit" ] || continue
        doing "stopping $unit" || continue
        systemctl -q disable --now "$unit"
    done
    remove /etc/cron.d/gocron
}

# Without --purge what the sysadmin made of it is kept beside the configuration.
remove_nginx_server() {
    [ -e "$DESTDIR$NGINX_SERVER" ] || return 0
    if [ "$PURGE" = false ] && ! is_staged && doing "keeping $NGINX_SERVER as $KEPT_NGINX_SERVER"; then
        mv "$NGINX_SERVER" "$KEPT_NGINX_SERVER"
    fi
    remove "$NGINX_SERVER"
    if ! is_staged && [ "$DRY_RUN" = false ] && nginx -tq; then
        systemctl reload-or-restart nginx
        if command -v semanage >/dev/null; then
            semanage fcontext -N -d '/var/log/gocron(/.*)?' 2>/dev/null || true
        fi
    fi
}

remove_data() {
    remove /var/cache/gocron
    remove /var/lib/systemd/timers/stamp-gocron-summary.timer
    if [ "$PURGE" = true ]; then
        for folder in /etc/gocron /var/lib/gocron /var/log/gocron /etc/systemd/system/gocron-*.service.d; do
            remove "$folder"
        done
    elif ! is_staged && [ -e /var/lib/gocron ] &&
        [ "$(stat -c %U /var/lib/gocron)" = gocron ] &&
        doing "keeping /etc/gocron, /var/lib/gocron and /var/log/gocron, as root's;" \
            "--purge removes them"; then
        # The next user might get gocron's number.
        for folder in /etc/gocron /var/lib/gocron /var/log/gocron; do
            [ ! -e "$folder" ] || chown -RhP root:root "$folder"
        done
    fi
}

remove_user() {
    is_staged && return
    [ "$DRY_RUN" = true ] || systemctl -q daemon-reload
    id gocron >/dev/null 2>&1 || return 0
    doing "removing the user gocron" || return 0
    tries=0
    # A sweep that cron started may take a moment to end.
    until userdel gocron 2>"$SCRATCH/userdel"; do
        tries=$((tries + 1))
        [ "$tries" -lt 30 ] || fail "the user gocron can't be removed: $(cat "$SCRATCH/userdel")"
        sleep 1
    done
    if getent group gocron >/dev/null; then groupdel gocron; fi
}
