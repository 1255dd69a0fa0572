"""Owns the messages between the services: commands to the writer, queries to the log, events.

Unknown fields are allowed, so that two versions can run side by side during a rolling upgrade.
Times are integer microseconds since 1970, UTC.
"""

from shared.commands.attachment import *
from shared.commands.audit_log import *
from shared.commands.coding import *
from shared.commands.conversation import *
from shared.commands.delivery import *
from shared.commands.errors import *
from shared.commands.event import *
from shared.commands.feed import *
from shared.commands.hook import *
from shared.commands.log import *
from shared.commands.message import *
from shared.commands.notice import *
from shared.commands.people import *
from shared.commands.preference import *
from shared.commands.progress import *
from shared.commands.push import *
from shared.commands.query import *
from shared.commands.readiness import *
from shared.commands.report import *
from shared.commands.result import *
from shared.commands.standing import *
from shared.commands.ticket import *
from shared.commands.unread import *
from shared.commands.user_data import *
from shared.commands.write import *
