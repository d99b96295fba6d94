"""Mails that tell of no silence: of an outage of gocron's own, of jobs that were declared anew."""

from email.message import EmailMessage

from gocron.core.duration import say_duration
from gocron.core.news import Digest
from gocron.core.outage import OwnOutage
from gocron.core.redeclaration import Redeclaration
from gocron.render.form import Form, nameless_headline, nameless_lines
from gocron.render.mail import Letterhead, notice, rooms
from gocron.render.moment import say_time
from gocron.render.redeclaration import changes, redeclared_headline, redeclared_name, undo
from gocron.render.wording import count, say_accounts, shown


def outage_mail(digest: Digest, told: OwnOutage, letterhead: Letterhead, now: int) -> EmailMessage:
    """Return the mail that tells the operator of an outage of gocron's own that is over."""
    outage = told.outage
    ended_at = now if outage.ended_at is None else outage.ended_at
    lasted = say_duration(ended_at - outage.began_at)
    lost = (
        "nginx kept the check-ins meanwhile, and none was lost."
        if outage.journalled
        else "Check-ins could not be kept meanwhile."
    )
    excuse = (
        "No job has been excused for it so far."
        if not told.excused
        else f"{count(told.excused, 'job')} whose run may have fallen into it "
        f"{'has' if told.excused == 1 else 'have'} been excused once."
    )
    others = (
        "A front's clock jumped forth meanwhile: whoever was heard before has "
        f"{say_duration(outage.jumped_s)} more. Check that it is right now."
        if outage.jumped_s
        else "All other deadlines stay as they are."
    )
    lines = [
        f"gocron could not be reached for {lasted}.",
        "",
        f"from: {say_time(outage.began_at)}",
        f"to: {say_time(ended_at)}",
        "",
        lost,
        excuse,
        others,
    ]
    return notice(digest, letterhead, f"gocron was not reached for {lasted}", lines, now)


def redeclared_mail(
    digest: Digest, letterhead: Letterhead, now: int, form: Form = Form.WHOLE
) -> EmailMessage:
    """Return the mail that tells a former recipient which jobs declare themselves otherwise."""
    told = digest.redeclarations
    if form.is_nameless:
        lines = nameless_lines(digest, form)
        return notice(digest, letterhead, nameless_headline(digest), lines, now, form)
    listed, named, rest = digest.shared(told, *rooms(form))
    one_job = len(told) == 1
    lines = [f"{redeclared_headline(told)}.", ""]
    lines += [
        f"Until then you were told when {'it was' if one_job else 'one of these was'} missing."
    ]
    for one in listed:
        lines += ["", *_facts(one)]
    if named:
        lines += ["", "and also", *(redeclared_name(one) for one in named)]
    if rest:
        lines += ["", f"and {say_accounts(one.account for one in rest)}"]
    lines += [
        "",
        "If you or your colleagues did that, nothing is to be done.",
        "If not: whoever reaches gocron's port can declare a job anew. See who is at that address,",
        "put the job back by the command, and see who may reach the port. What changes the same",
        "job again within a day is told after that day.",
    ]
    return notice(digest, letterhead, redeclared_headline(told), lines, now, form)


def _facts(one: Redeclaration) -> list[str]:
    source = f"a check-in from {shown(one.address)}" if one.address else "`gocron jobs add`"
    return [
        shown(one.cronname),
        f"account: {shown(one.account)}",
        f"changed by: {source}",
        f"changed at: {say_time(one.changed_at)}",
        *(f"{label}: {text}" for label, text in changes(one)),
        f"to put it back: {undo(one)}",
    ]
