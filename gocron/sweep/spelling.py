"""Names that came in other spellings: a step of each sweep, before anything is judged by them."""

from functools import partial

from gocron.render.wording import full_name
from gocron.store import names
from gocron.store.database import Store
from gocron.sweep.bulkhead import Bulkheads

# Jobs that one transaction looks at.
BATCH = 500


def spell_names(store: Store, bulkheads: Bulkheads) -> None:
    """Spell the names of all that was queued as check-ins are spelled; make one job of two.

    Only a front of a version before stores them otherwise.
    """
    after, spell = 0, partial(names.spell, store)
    with bulkheads.step("spelling names"):
        while found := names.queued(store, BATCH, after):
            after = found[-1].id
            bulkheads.each("spelling", found, spell, full_name, "each sweep tries again")
