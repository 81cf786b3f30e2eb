"""The operator's side: its page, and the JSON that the page is fed with. `api.door` decides who gets there."""

from flask import Blueprint

from api.admin import activity, keys, page, people, session, state

blueprint = Blueprint("admin", __name__)
for part in (page, session, state, keys, people, activity):
    part.register(blueprint)
