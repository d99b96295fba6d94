# shellcheck shell=sh
# Part of install.sh: nginx passes check-ins on and serves the page.

NGINX_SERVER=/etc/nginx/conf.d/gocron-server.conf
KEPT_NGINX_SERVER=/etc/gocron/nginx-server.conf

# Debian's welcome page, which answers "200" to each check-in that it gets, and keeps none.
WELCOME=/etc/nginx/sites-enabled/default
WELCOME_REMOVED=$PREFIX/nginx-welcome-removed

place_nginx() {
    RELOAD_NGINX=false
    [ "$NGINX" = true ] || return 0
    place contrib/nginx/gocron-http.conf /etc/nginx/conf.d/gocron.conf \
        "s|127\.0\.0\.1:8080|$front_host:$front_port|"
    RELOAD_NGINX=$PLACED
    place contrib/nginx/gocron-journal.conf /etc/nginx/conf.d/00-gocron-journal.conf
    [ "$PLACED" = false ] || RELOAD_NGINX=true
    place contrib/nginx/gocron.conf /etc/nginx/snippets/gocron.conf \
        "s|/var/cache/gocron/status|${page_folder:-/nowhere}|"
    [ "$PLACED" = false ] || RELOAD_NGINX=true
    place contrib/logrotate/gocron /etc/logrotate.d/gocron
    place_server
}

# The server is made once and then the sysadmin's; as long as he has left it as it was made, it is
# made anew to be the default server.
place_server() {
    sed "s|gocron\.example\.com|$SERVER_NAME|" "$CHECKOUT/contrib/nginx/gocron-server.conf" \
        >"$SCRATCH/named"
    sed -E 's/^( *listen .*80);/\1 default_server;/' "$SCRATCH/named" >"$SCRATCH/default"
    made=named
    if ! is_staged; then
        sh "$CHECKOUT/contrib/nginx/other-servers" >"$SCRATCH/servers"
        grep -q '^other' "$SCRATCH/servers" || made=default
    fi
    if is_staged && [ -e "$DESTDIR$NGINX_SERVER" ]; then return 0; fi
    if [ -e "$NGINX_SERVER" ] && ! is_staged; then
        # So made by a release that knew no default server.
        if [ "$made" = default ] && cmp -s "$SCRATCH/named" "$NGINX_SERVER"; then
            write_server
        fi
    elif [ -e "$KEPT_NGINX_SERVER" ] && ! is_staged; then
        if doing "taking back $NGINX_SERVER"; then mv "$KEPT_NGINX_SERVER" "$NGINX_SERVER"; fi
        RELOAD_NGINX=true
    else
        write_server
    fi
    remove_welcome
}

# Whether nobody has changed the server since it was made.
is_as_made() {
    cmp -s "$SCRATCH/named" "$NGINX_SERVER" || cmp -s "$SCRATCH/default" "$NGINX_SERVER"
}

write_server() {
    RELOAD_NGINX=true
    doing "writing $NGINX_SERVER" || return 0
    mkdir -p "$DESTDIR${NGINX_SERVER%/*}"
    cp "$SCRATCH/$made" "$DESTDIR$NGINX_SERVER"
}

# Two can't be the default server: the welcome page goes, as a link, and comes back with --uninstall.
remove_welcome() {
    if is_staged || ! grep -qs '^[^#]*listen.*default_server' "$NGINX_SERVER"; then return 0; fi
    if [ -L "$WELCOME" ] && grep -qxF "untouched $WELCOME" "$SCRATCH/servers" &&
        doing "removing $WELCOME, nginx's welcome page, from which no check-in comes to gocron"; then
        readlink -f "$WELCOME" >"$SCRATCH/welcome"
        put "$SCRATCH/welcome" "$WELCOME_REMOVED" 0644
        rm "$WELCOME"
        RELOAD_NGINX=true
    fi
    [ ! -e "$WELCOME_REMOVED" ] || echo "$WELCOME_REMOVED" >>"$SCRATCH/files"
}

bring_back_welcome() {
    if is_staged || ! [ -s "$WELCOME_REMOVED" ] || [ -e "$WELCOME" ]; then return 0; fi
    page=$(cat "$WELCOME_REMOVED")
    if [ -f "$page" ] && doing "linking $WELCOME again"; then ln -s "$page" "$WELCOME"; fi
}

reload_nginx() {
    if is_staged || [ "$NGINX" = false ]; then return 0; fi
    if [ "$RELOAD_NGINX" = true ] && doing "reloading nginx"; then
        let_nginx_through
        nginx -tq || fail "nginx does not take $NGINX_SERVER and what it includes, see above"
        ! systemctl -q is-active nginx || systemctl reload nginx
    fi
    if command -v nginx >/dev/null; then keep_running nginx.service; fi
}

# SELinux on Enterprise Linux lets nginx neither connect to the front nor read the page nor write
# the journal by itself. What boots label anew (tmpfiles.d) has to be told to the policy.
let_nginx_through() {
    if command -v getenforce >/dev/null && [ "$(getenforce)" = Enforcing ]; then
        setsebool -P httpd_can_network_connect on
        chcon -RhP -t httpd_sys_content_t "$page_folder"
        if command -v semanage >/dev/null; then
            semanage fcontext -N -a -t httpd_log_t '/var/log/gocron(/.*)?' 2>/dev/null || true
        fi
        chcon -RhP -t httpd_log_t /var/log/gocron
    fi
}

# Say which server of nginx answers to which names, by nginx's own configuration.
tell_servers() {
    nginx -T 2>/dev/null | awk '
        function tell() {
            if (listens != "")
                printf "  %-40s %s\n", is_default ? "all other names, at" listens : names, file
            names = ""; listens = ""; is_default = 0
        }
        function read_statement(text, words, count, i) {
            count = split(text, words, " ")
            if (words[1] == "server" && count == 1) tell()
            if (words[1] == "listen") listens = listens " " words[2]
            if (words[1] == "listen" && text ~ /default_server/) is_default = 1
            for (i = 2; words[1] == "server_name" && i <= count; i++) names = names words[i] " "
        }
        /^# configuration file / { tell(); file = substr($4, 1, length($4) - 1); next }
        {
            sub(/(^|[ \t])#.*/, "")
            parts = split($0, part, /[{};]/)
            for (p = 1; p <= parts; p++) read_statement(part[p])
        }
        END { tell() }' >&2
}
