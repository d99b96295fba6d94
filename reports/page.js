// What the page can do beyond standing still: times in the reader's zone, its own age, search.
(function () {
  "use strict";

  var TICK_MS = 5000;
  var body = document.body;
  var stale = document.getElementById("stale");
  var age = document.getElementById("age");
  var search = document.getElementById("search");
  var headline = document.querySelector("h1");
  var icon = document.querySelector("link[rel=icon]");
  var calm = { title: document.title, icon: icon.href, headline: headline.textContent };
  var STALE_ICON = "data:image/svg+xml," + encodeURIComponent(
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>" +
    "<path d='M8 1.5 15 14H1z' fill='#d92d35'/></svg>");

  // The index carries its own moment; other pages only learn it from age.js.
  var written = body.dataset.written ? Number(body.dataset.written) : null;
  var interval = Number(body.dataset.interval);
  var intervals = Number(body.dataset.intervals);
  var swept = null;
  var unreachable = false;

  function now() { return Date.now() / 1000; }

  function duration(seconds) {
    var sizes = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
    var left = Math.max(Math.floor(seconds), 0);
    for (var i = 0; i < sizes.length; i++) {
      var count = Math.floor(left / sizes[i][1]);
      if (!count) continue;
      var said = count + " " + sizes[i][0];
      var next = sizes[i + 1];
      // From two days on the hours say nothing more.
      var rest = next && i < 2 && !(i === 0 && count > 1) ? Math.floor((left - count * sizes[i][1]) / next[1]) : 0;
      return rest ? said + " " + rest + " " + next[0] : said;
    }
    return "0 s";
  }

  function relative(at) {
    var past = now() - at;
    if (past >= 0) return past < 1 ? "just now" : duration(past) + " ago";
    return "in " + duration(-past);
  }

  // A moment that was ahead when the page was written may pass before it is written again: what
  // came of it stands on the next page, so this one only says when it was.
  function said(time) {
    return time.ahead && now() >= time.at ? clock(time.at) : relative(time.at);
  }

  // Times

  var CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
  var DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
  var YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
  var FULL = new Intl.DateTimeFormat("en-GB", {
    weekday: "short", day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short"
  });

  function clock(at) {
    var then = new Date(at * 1000);
    var today = new Date();
    // Beside "22 h ago" the day goes without saying.
    if (Math.abs(then - today) < 86400000) return CLOCK.format(then);
    if (then.getFullYear() === today.getFullYear()) return DAY.format(then) + " " + CLOCK.format(then);
    return YEAR.format(then);
  }

  var zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "your zone";
  var isUtc = /^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal|Greenwich)$/.test(zone);

  var times = [];
  document.querySelectorAll("main time").forEach(function (element) {
    var at = Date.parse(element.dateTime) / 1000;
    if (isNaN(at)) return;
    var utc = element.textContent;
    element.title = isUtc ? utc : FULL.format(new Date(at * 1000)) + "\n" + utc;
    element.textContent = utc;
    var small = document.createElement("small");
    small.className = "clock";
    // The space belongs to it: where it is hidden, none is left before a full stop.
    small.textContent = " " + clock(at);
    element.after(small);
    times.push({ at: at, text: element.firstChild, ahead: "ahead" in element.dataset, clock: small });
  });
  // In UTC there is nothing to be added to what the page says without a script.
  if (!isUtc) {
    document.getElementById("zone").textContent = "Times in " + zone + "; point at one for UTC.";
  }

  function refreshTimes() {
    times.forEach(function (time) {
      var words = said(time);
      if (time.text.data !== words) time.text.data = words;
      time.clock.hidden = words === time.clock.textContent.trim();
    });
  }

  // Age

  function complaint() {
    var at = written === null ? swept : written;
    if (at === null) {
      return unreachable ? "Can\u2019t tell whether gocron still sweeps: age.js can\u2019t be read." : "";
    }
    var old = now() - at;
    if (old < -intervals * interval) {
      return "This page was written " + duration(-old) + " in the future: this clock or gocron\u2019s is wrong.";
    }
    if (old <= intervals * interval) return "";
    if (written !== null && swept !== null && now() - swept <= intervals * interval) {
      return "This page is " + duration(old) + " old: gocron still sweeps, but does not write it any more.";
    }
    var begin = written === null ? "This page is out of date" : "This page is " + duration(old) + " old";
    var away = unreachable ? ", and its server doesn\u2019t answer" : "";
    return begin + away + ": gocron has not swept since " + clock(at) +
      (written === null ? " (" + duration(old) + " ago)" : "") +
      ". Silence below may be ours, not the jobs\u2019.";
  }

  function judge() {
    var at = written === null ? swept : written;
    if (at !== null) age.textContent = (written === null ? "Swept " : "Written ") + relative(at);
    var said = complaint();
    var was = !stale.hidden;
    body.classList.toggle("stale", said !== "");
    if (said) {
      if (stale.textContent !== said) stale.textContent = said;
      stale.hidden = false;
      // Said aloud once; the growing age isn't news.
      if (was) stale.removeAttribute("role");
      document.title = "Stale \u00b7 gocron";
      icon.href = STALE_ICON;
      headline.textContent = headline.dataset.stale || calm.headline;
    } else if (was) {
      stale.hidden = true;
      stale.setAttribute("role", "alert");
      document.title = calm.title;
      icon.href = calm.icon;
      headline.textContent = calm.headline;
    }
  }

  function probe() {
    var script = document.createElement("script");
    script.onload = function () {
      script.remove();
      var told = self.gocronAge;
      unreachable = !told;
      if (unreachable) { judge(); return; }
      var fresh = swept !== null && told.swept > swept;
      interval = told.interval;
      swept = told.swept;
      if (fresh) {
        keepSearch();
        location.reload();
      } else {
        judge();
      }
    };
    script.onerror = function () {
      script.remove();
      unreachable = true;
      judge();
    };
    // A cache must not answer for a gocron that is gone.
    script.src = body.dataset.age + "?" + Date.now();
    document.head.append(script);
  }

  // Search

  var rows = null;

  function readRows() {
    rows = [];
    document.querySelectorAll("table.jobs tbody, table.accounts tbody").forEach(function (part) {
      var group = part.querySelector("tr.group");
      var above = group ? group.querySelector("a").textContent + " " : "";
      var members = [];
      part.querySelectorAll("tr:not(.group)").forEach(function (row) {
        var text = above + row.cells[0].textContent + " " + row.className;
        members.push({ row: row, text: text.toLowerCase() });
      });
      rows.push({ part: part, group: above.toLowerCase(), members: members });
    });
  }

  function filter() {
    if (!rows) readRows();
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var all = 0;
    var found = 0;
    function fits(text) { return words.every(function (word) { return text.includes(word); }); }
    rows.forEach(function (part) {
      var left = 0;
      part.members.forEach(function (member) {
        var shown = fits(member.text);
        member.row.hidden = !shown;
        if (shown) left++;
      });
      all += part.members.length;
      found += left;
      part.part.hidden = left === 0 && !(part.members.length === 0 && fits(part.group));
    });
    document.getElementById("found").textContent =
      words.length ? found.toLocaleString("en") + " of " + all.toLocaleString("en") : "";
  }

  function keepSearch() {
    try {
      sessionStorage.setItem("gocron " + location.pathname, JSON.stringify({
        words: search ? search.value : "", typing: search === document.activeElement
      }));
    } catch (refused) { /* without storage the words are lost, nothing else */ }
  }

  function restoreSearch() {
    try {
      var key = "gocron " + location.pathname;
      var kept = JSON.parse(sessionStorage.getItem(key) || "null");
      sessionStorage.removeItem(key);
      if (!kept) return;
      search.value = kept.words;
      if (kept.typing) search.focus();
    } catch (refused) { /* as above */ }
  }

  if (search) {
    search.parentNode.hidden = false;
    restoreSearch();
    search.addEventListener("input", filter);
    if (search.value) filter();
    document.addEventListener("keydown", function (event) {
      if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        search.focus();
      }
    });
  }

  function tick() { refreshTimes(); judge(); }

  document.addEventListener("visibilitychange", function () {
    if (!document.hidden) { tick(); probe(); }
  });
  tick();
  probe();
  setInterval(tick, TICK_MS);
  setInterval(probe, Math.min(Math.max(interval / 4, 5), 30) * 1000);
})();
