"""Planted bugs: each takes one guard of the publishing protocol away, and some test has to notice.

A patch is a file, what stands there (exactly once), and what stands there instead. `caught_by` are the tests
to try first; where none of them fails, all others are tried. Whoever changes a line that is named here plants
the bug anew; `tests/planted/test_planted.py` says where that is needed.
"""

from dataclasses import dataclass

SUBMISSION = "social/publishing/submission.py"
RECONCILIATION = "social/publishing/reconciliation.py"
POLLING = "social/publishing/polling.py"
MATCHING = "social/publishing/matching.py"
BATCHING = "social/publishing/batching.py"
STEPS = "social/workflow/deliveries.py"
VERBS = "social/workflow/posts.py"
TABLE = "social/workflow/table.py"
HTTP = "integrations/http.py"
TABLES = "social/migrations/0001_initial.py"
DOOR = "social/api/auth.py"
CALLS = "social/api/posts.py"
ASKED = "social/api/schemas.py"
QUOTA = "social/api/quota.py"
MCP = "hotdash_mcp.py"

SCENARIOS = "tests/publishing/test_scenarios.py"
FINDINGS = "tests/publishing/test_findings.py"
LOOKS = "tests/publishing/test_look_and_match.py"
REFUSES = "tests/workflow/test_database_refuses.py"
PEOPLE = "tests/workflow/test_verbs.py"
CLIENT = "tests/integrations/test_publer_client.py"
ANSWERS = "tests/integrations/test_what_an_answer_proves.py"
ATTACKS = "tests/api/test_attacks.py"
AGENTS = "tests/api/test_agents.py"


@dataclass(frozen=True)
class Patch:
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    """`gone` is the guard that is gone, in a sentence."""

    gone: str
    patches: tuple[Patch, ...]
    caught_by: tuple[str, ...]


def _bug(gone: str, *parts: tuple[str, str, str], by: tuple[str, ...]) -> Bug:
    return Bug(gone, tuple(Patch(*part) for part in parts), by)


BUGS = (
    # ------------------------------------------------------------------------------------------- the stamp
    _bug(
        "The stamp takes a row whatever its status is by now.",
        (SUBMISSION, ".filter(pk__in=planned, status=D.QUEUED)", ".filter(pk__in=planned)"),
        (SUBMISSION, "if row.status != D.QUEUED or row.connection_id", "if row.connection_id"),
        (
            STEPS,
            "pk__in=[row.pk for row in deliveries], status__in=step.sources).update(",
            "pk__in=[row.pk for row in deliveries]).update(",
        ),
        by=(f"{SCENARIOS}::test_of_two_workers_with_the_same_plan_one_stamps",),
    ),
    _bug(
        "The stamp does not compare the approved hash with the content's.",
        (
            SUBMISSION,
            "if row.approved_hash != row.revision.computed_hash() or "
            "row.approved_hash != row.revision.content_hash:",
            "if False:",
        ),
        by=(f"{FINDINGS}::test_the_stamp_tests_the_approved_content",),
    ),
    _bug(
        "The stamp does not look whether publishing is paused.",
        (SUBMISSION, "if engine.is_paused(now) or connection.is_paused(now)", "if connection.is_paused(now)"),
        by=(f"{SCENARIOS}::test_a_pause_during_the_wait_for_leave_holds",),
    ),
    _bug(
        "The stamp does not look whether the post is late.",
        (SUBMISSION, "if is_late(row, now):", "if False:"),
        by=(f"{FINDINGS}::test_the_stamp_tests_lateness_again",),
    ),
    _bug(
        "No minute is kept between two posts on one account.",
        (SUBMISSION, "    if near:\n", "    if False:\n"),
        by=(f"{FINDINGS}::test_the_stamp_keeps_the_gap_between_two_posts",),
    ),
    _bug(
        "A network's limit for the day is not kept.",
        (SUBMISSION, "if limit is None:\n        return True", "if True:\n        return True"),
        by=(f"{FINDINGS}::test_a_later_post_leaves_room_for_those_that_publer_already_has",),
    ),
    _bug(
        "Twins are sent at the same time.",
        (SUBMISSION, "if (row.channel_id, row.fingerprint) in others.in_air:", "if False:"),
        by=(f"{FINDINGS}::test_the_stamp_lets_no_twin_go_while_one_is_under_way",),
    ),
    _bug(
        "A process that halted for long after the stamp sends all the same.",
        (SUBMISSION, "if time.monotonic() - started > SEND_WITHIN:", "if False:"),
        by=(f"{SCENARIOS}::test_halted_for_long_after_the_stamp_nothing_leaves",),
    ),
    _bug(
        "A COMMIT that failed sends anyway.",
        (
            SUBMISSION,
            "        stamped = None\n    if stamped is None:",
            "        publer.publish(body_of(_buildable(list(plan.deliveries), plan.kind, [])), leave)\n"
            "        return False\n    if stamped is None:",
        ),
        by=(f"{SCENARIOS}::test_a_commit_that_fails_sends_nothing",),
    ),
    _bug(
        "What was made before a gap is not looked for before it is sent.",
        (SUBMISSION, "if not _looked_for_since_the_gap(row, engine):", "if False:"),
        by=(f"{FINDINGS}::test_the_stamp_has_looked_for_first_what_was_planned_before_a_gap",),
    ),
    _bug(
        "A gap in the engine's own life is not noticed.",
        (
            "social/publishing/heartbeat.py",
            "        engine.trusted_from = now\n    engine.last",
            "    engine.last",
        ),
        by=(f"{SCENARIOS}::test_a_restored_database_looks_first_for_pending_posts_too",),
    ),
    _bug(
        "A workspace that is not connected any more is planned and stamped for.",
        (
            BATCHING,
            ".filter(status=Delivery.Status.QUEUED, connection=connection, due_at__gte=late)",
            ".filter(status=Delivery.Status.QUEUED, due_at__gte=late)",
        ),
        (SUBMISSION, "row.connection_id != plan.connection.pk or ", ""),
        by=(f"{SCENARIOS}::test_another_workspace_gets_nothing_of_this_one",),
    ),
    _bug(
        "The body holds an account twice.",
        (
            BATCHING,
            "return list(Delivery.objects.filter(pk__in=pks).only(*PLANNED_BY).order_by(*ORDER))",
            "return list(rows.only(*PLANNED_BY).order_by(*ORDER))",
        ),
        by=(f"{SCENARIOS}::test_no_request_holds_an_account_twice",),
    ),
    # ------------------------------------------------------------------------------- what an answer proves
    _bug(
        "A read time-out is taken for “not sent”.",
        (
            HTTP,
            "NOTHING_LEFT: Final = (",
            "NOTHING_LEFT: Final = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError, ",
        ),
        by=(f"{SCENARIOS}::test_worked_on_after_two_empty_looks_it_is_public_once",),
    ),
    _bug(
        "A 5xx is taken for “not sent”.",
        (
            HTTP,
            "        raise self._refused(outcome) or self.unusable(",
            "        if outcome.status >= 500:\n"
            '            raise NotSent("It is down.", provider=self.provider)\n'
            "        raise self._refused(outcome) or self.unusable(",
        ),
        by=(f"{SCENARIOS}::test_a_5xx_is_unknown",),
    ),
    _bug(
        "A 429 that is a page of HTML is taken for the provider's refusal.",
        (
            HTTP,
            "plain = answer.content_type in self.plain and answer.complete",
            "plain = answer.status == 429",
        ),
        by=(f"{SCENARIOS}::test_html_with_429_is_unknown",),
    ),
    _bug(
        "A TLS error is taken for “not sent”, whichever it is.",
        (HTTP, "NOTHING_LEFT: Final = (", "NOTHING_LEFT: Final = (ssl.SSLError, "),
        by=(f"{SCENARIOS}::test_a_tls_error_after_the_request_is_unknown",),
    ),
    _bug(
        "An answer without a job id counts as taken over when it says success.",
        (
            "integrations/publer/types.py",
            'return {**value, "job_id": value["data"].get("job_id")}',
            'return {**value, "job_id": value["data"].get("job_id") or "unknown"}',
        ),
        by=(f"{CLIENT}::test_a_2xx_without_a_job_id_is_unknown",),
    ),
    _bug(
        "A “success: false” with a job id counts as taken over.",
        (
            "integrations/publer/client.py",
            'says_no = isinstance(answer.json, dict) and answer.json.get("success") is False',
            "says_no = False",
        ),
        by=(f"{CLIENT}::test_a_2xx_without_a_job_id_is_unknown",),
    ),
    _bug(
        "What was surely not taken uses an attempt.",
        (
            SUBMISSION,
            'happened, submission=submission, attempts=F("attempts") - 1, note=note)',
            "happened, submission=submission, note=note)",
        ),
        by=(f"{SCENARIOS}::test_json_with_429_uses_no_attempt",),
    ),
    _bug(
        "A refused batch is never halved.",
        (SUBMISSION, ".update(batch_limit=len(rows) // 2)", ".update(batch_limit=None)"),
        by=(f"{SCENARIOS}::test_a_poisoned_post_fails_alone",),
    ),
    _bug(
        "The answer of an old submission moves the delivery.",
        (STEPS, "rows = rows.filter(submission=submission)", "pass"),
        by=(f"{SCENARIOS}::test_the_answer_of_an_old_submission_moves_nothing",),
    ),
    _bug(
        "An answer whose submission the database has forgotten is ignored.",
        (SUBMISSION, "            distrust_the_past()  #", "            pass  #"),
        by=(f"{SCENARIOS}::test_an_answer_whose_submission_is_missing_distrusts_the_past",),
    ),
    _bug(
        "A write follows a redirect.",
        (
            HTTP,
            "timeout=self._timeouts, allow_redirects=False",
            "timeout=self._timeouts, allow_redirects=True",
        ),
        by=(f"{ANSWERS}::test_a_write_never_follows_a_redirect",),
    ),
    _bug(
        "A write goes over a kept connection, which may be dead.",
        (
            HTTP,
            "with self._session() as session:\n            outcome = self._exchange(session,",
            "if True:\n            outcome = self._exchange(self._pool,",
        ),
        by=(f"{ANSWERS}::test_a_write_has_a_connection_of_its_own",),
    ),
    _bug(
        "A failure in a job hits whatever is in its batch, not its account alone.",
        (
            POLLING,
            "for failure in told.failures if failure.account_id == row.channel.account_id)",
            "for failure in told.failures)",
        ),
        by=(f"{SCENARIOS}::test_a_failure_in_the_job_hits_its_account_alone",),
    ),
    _bug(
        "A gap refusal is believed though an earlier attempt of ours may be the post in the way.",
        (POLLING, "if known is not None and row.was_unknown and", "if False and"),
        by=(f"{FINDINGS}::test_our_own_post_may_be_the_one_in_the_way_of_the_next_attempt",),
    ),
    _bug(
        "A job that works for ever is waited for, for ever.",
        (POLLING, "stuck = told is not None", "stuck = False and told is not None"),
        by=(
            f"{FINDINGS}::test_a_job_that_never_ends_comes_to_a_person_after_a_day",
            f"{SCENARIOS}::test_a_stuck_job_is_not_sent_again_but_its_missing_sibling_is",
        ),
    ),
    # ------------------------------------------------------------------------------------------ the re-send
    _bug(
        "A lease that is over puts the delivery back into the queue.",
        (
            SUBMISSION,
            '"outcome unknown",\n                submission=row.submission,',
            '"not sent",\n                submission=row.submission,',
        ),
        by=(f"{SCENARIOS}::test_killed_between_stamp_and_send_it_goes_out_once_and_not_before_w",),
    ),
    _bug(
        "W is counted from the stamp where no answer came, not from the end of the lease.",
        (SUBMISSION, "quiet_from=row.lease_until,", "quiet_from=row.submission.stamped_at,"),
        by=(f"{SCENARIOS}::test_killed_between_stamp_and_send_it_goes_out_once_and_not_before_w",),
    ),
    _bug(
        "A look that began before W is enough, if W is over when it ends.",
        (RECONCILIATION, "if began <= after:", "if clock.now() <= after:"),
        by=(f"{SCENARIOS}::test_a_look_begun_before_w_sends_nothing_again",),
    ),
    _bug(
        "W is not waited at all.",
        (RECONCILIATION, "after = row.quiet_from + wait\n", "after = row.quiet_from\n"),
        by=(f"{SCENARIOS}::test_worked_on_after_two_empty_looks_it_is_public_once",),
    ),
    _bug(
        "A look that is not complete proves absence.",
        (RECONCILIATION, "    elif seen.complete:\n", "    elif True:\n"),
        by=(
            f"{SCENARIOS}::test_a_list_that_shifts_while_it_is_read_is_not_absence",
            f"{FINDINGS}::test_a_list_that_is_never_whole_brings_it_to_a_person_after_a_day",
        ),
    ),
    _bug(
        "A known job id stops no re-send.",
        (RECONCILIATION, "if row.submission and row.submission.job_id:", "if False:"),
        by=(f"{SCENARIOS}::test_a_stuck_job_is_not_sent_again_but_its_missing_sibling_is",),
    ),
    _bug(
        "A missing sibling is sent again at once when another post of its job is seen.",
        (RECONCILIATION, "sibling is not None and began > sibling + wait", "sibling is not None"),
        by=(f"{FINDINGS}::test_a_missing_sibling_is_sent_again_only_w_after_another_was_seen",),
    ),
    _bug(
        "A probable match does not stop the re-send.",
        (RECONCILIATION, "    elif row.pk in found.probable:\n", "    elif False:\n"),
        by=(f"{SCENARIOS}::test_changed_words_go_to_a_person",),
    ),
    _bug(
        "What is due later is sent again as soon as W allows.",
        (RECONCILIATION, "after = max(after, row.due_at - wait)", "pass"),
        by=(f"{FINDINGS}::test_what_is_due_later_is_sent_again_only_shortly_before_its_time",),
    ),
    _bug(
        "A delivery at RETRY_MAX_ATTEMPTS is sent again.",
        (RECONCILIATION, "if row.attempts >= settings.RETRY_MAX_ATTEMPTS and row.quiet_from:", "if False:"),
        by=(f"{FINDINGS}::test_after_so_many_attempts_a_person_decides",),
    ),
    _bug(
        "A decision is not bound to the submission that was looked for.",
        (
            RECONCILIATION,
            '        "submission_id": row.submission_id,\n        "quiet_from": row.quiet_from,\n',
            "",
        ),
        by=(
            f"{FINDINGS}::test_a_stale_look_after_a_gap_frees_no_later_submission",
            f"{SCENARIOS}::test_a_stale_reconciler_sends_nothing_again",
        ),
    ),
    _bug(
        "After a gap the first look is enough, however soon it begins.",
        (RECONCILIATION, "began >= trusted_from + grace", "True"),
        by=(f"{FINDINGS}::test_a_look_before_the_grace_after_a_gap_frees_nothing",),
    ),
    _bug(
        "What is unsure for more than a day is put to nobody.",
        (RECONCILIATION, "elif _for_a_day(row, seen):", "elif False:"),
        by=(f"{FINDINGS}::test_a_list_that_is_never_whole_brings_it_to_a_person_after_a_day",),
    ),
    _bug(
        "What a job completed and nobody lists is put to nobody.",
        (RECONCILIATION, "if not row.decide and _done_but_not_listed(row, seen.began):", "if False:"),
        by=(f"{SCENARIOS}::test_what_publer_says_is_done_and_does_not_list_comes_to_a_person_after_w",),
    ),
    # ------------------------------------------------------------------------------------- look and match
    _bug(
        "One pass over several pages is enough.",
        ("social/publishing/looking.py", "if so_far.pages <= 1 or so_far.before == so_far.ids:", "if True:"),
        by=(f"{LOOKS}::test_several_pages_are_complete_only_when_read_twice_alike",),
    ),
    _bug(
        "The number of posts that the list tells is not compared with those that it shows.",
        (
            "social/publishing/looking.py",
            "return same and (self.page < self.pages or len(self.ids) == self.total)",
            "return True",
        ),
        by=(f"{LOOKS}::test_a_page_that_holds_less_than_the_total_proves_no_absence",),
    ),
    _bug(
        "A post of the provider may have two owners.",
        (
            RECONCILIATION,
            'return dict(holders.values_list("provider_post_id", "pk")) | former',
            "return former",
        ),
        (
            TABLES,
            "condition=models.Q(('provider_post_id', ''), _negated=True)",
            "condition=models.Q(('provider_post_id', 'nobody'))",
        ),
        by=(f"{SCENARIOS}::test_a_twin_that_was_never_taken_does_not_take_over_the_post_of_the_other",),
    ),
    _bug(
        "A probable match is adopted as if it were certain.",
        (
            MATCHING,
            "        and _words_certain(row, post, free[row.account_id])\n",
            "        and _alike(row, post)\n",
        ),
        by=(f"{SCENARIOS}::test_changed_words_go_to_a_person",),
    ),
    _bug(
        "A link is not compared.",
        (MATCHING, "        and _link_fits(row, post)\n", ""),
        by=(f"{LOOKS}::test_a_link_counts_with_its_query_where_it_is_listed",),
    ),
    _bug(
        "Posts from before the first stamp are matched.",
        (MATCHING, "post.scheduled_at is None or post.scheduled_at >= row.since - SLACK", "True"),
        (MATCHING, "row.sent_now and post.scheduled_at >= row.since - SLACK", "row.sent_now"),
        by=(f"{SCENARIOS}::test_last_months_same_words_are_not_adopted",),
    ),
    _bug(
        "The minute for which a post was handed over is not compared.",
        (MATCHING, "        and _time_fits(row, post)\n", ""),
        by=(f"{LOOKS}::test_what_was_for_later_is_known_by_its_minute",),
    ),
    _bug(
        "A delivery whose id is gone from the list is not looked for by its words.",
        (
            MATCHING,
            "if row.pk not in found.certain),",
            "if row.pk not in found.certain and not row.held_id),",
        ),
        by=(f"{SCENARIOS}::test_a_changed_id_is_followed",),
    ),
    _bug(
        "Listed as failed, or as published and deleted, counts as not there.",
        (
            MATCHING,
            'LEFT_OUT = ("draft", "recycl", "recurring")',
            'LEFT_OUT = ("draft", "recycl", "recurring", "failed", "published_deleted")',
        ),
        by=(f"{SCENARIOS}::test_no_state_in_the_list_sends_again",),
    ),
    _bug(
        "Another workspace's list is looked at.",
        (
            RECONCILIATION,
            "Q(status__in=[D.ACCEPTED, D.UNCONFIRMED]) | Q(status=D.SCHEDULED, next_look_at__lte=now),\n"
            "        connection=connection,\n",
            "Q(status__in=[D.ACCEPTED, D.UNCONFIRMED]) | Q(status=D.SCHEDULED, next_look_at__lte=now),\n",
        ),
        (
            "social/publishing/polling.py",
            ", next_look_at__lte=now, connection=connection\n",
            ", next_look_at__lte=now\n",
        ),
        by=(f"{SCENARIOS}::test_the_empty_list_of_another_workspace_proves_nothing",),
    ),
    _bug(
        "A certain copy that is left over is told to nobody.",
        (RECONCILIATION, "if row.pk in found.left_over:", "if False:"),
        by=(f"{SCENARIOS}::test_a_certain_copy_that_is_left_over_is_told",),
    ),
    # ---------------------------------------------------------------------------------------------- people
    _bug(
        "What Publer is about to send is recalled.",
        (TABLE, "return Q(due_at__gt=now + TOO_LATE) | Q(", "return Q(due_at__gt=now) | Q("),
        by=(f"{FINDINGS}::test_at_once_just_before_its_time_is_refused_in_words",),
    ),
    _bug(
        "What is due within 90 s is handed over for later, which Publer refuses.",
        (BATCHING, "HELD_BACK = timedelta(seconds=90)", "HELD_BACK = timedelta(seconds=0)"),
        by=(f"{SCENARIOS}::test_what_is_due_within_a_minute_and_a_half_is_held_and_sent_as_now",),
    ),
    _bug(
        "A person approves something else than what the page showed.",
        (TABLE, "if shown and shown != request.post.content().content_hash:", "if False:"),
        by=(PEOPLE,),
    ),
    _bug(
        "What is in the air can be cancelled.",
        (
            TABLE,
            '*AFTER}, None, "cancel_post", nothing_in_the_air, in_time)',
            '*AFTER}, None, "cancel_post", in_time)',
        ),
        by=(f"{SCENARIOS}::test_a_cancel_in_the_air_is_refused_in_words",),
    ),
    _bug(
        "What is in the air can be edited.",
        (
            TABLE,
            "ANEW = (by_a_person, no_change_waits, nothing_in_the_air)",
            "ANEW = (by_a_person, no_change_waits)",
        ),
        by=(f"{SCENARIOS}::test_an_edit_after_the_stamp_is_refused_and_the_approved_words_go",),
    ),
    _bug(
        "A recall is believed though the answer to the DELETE was lost.",
        (
            "social/publishing/recalling.py",
            "    except OutcomeUnknown:\n        return set()",
            "    except OutcomeUnknown:\n        return set(ids)",
        ),
        by=(f"{SCENARIOS}::test_a_recall_is_over_only_when_it_is_sure",),
    ),
    _bug(
        "“Now” on a post that was handed over sends it without recalling it.",
        (
            VERBS,
            "            recall=Delivery.Recall.REQUEUE,\n            due_at=now,\n",
            '            status=D.QUEUED,\n            provider_post_id="",\n            due_at=now,\n',
        ),
        by=(f"{SCENARIOS}::test_now_on_a_handed_over_post_is_never_two",),
    ),
    _bug(
        "An author may approve their own post.",
        (TABLE, "if settings.REQUIRE_SECOND_PERSON and request.actor", "if False and request.actor"),
        by=(f"{PEOPLE}::test_nobody_approves_their_own_not_even_a_superuser",),
    ),
    _bug(
        "“Send it again” needs no fresh look.",
        (
            VERBS,
            'if outcome == "again" and not (_looked_just_now(row, now) and set(listed) <= set(not_these)):',
            "if False:",
        ),
        by=(f"{SCENARIOS}::test_send_it_again_needs_a_fresh_look_and_a_judgement_on_all_that_it_shows",),
    ),
    _bug(
        "A delivery may have two open submissions.",
        (
            TABLES,
            "condition=models.Q(('open', True)), fields=('delivery',)",
            "condition=models.Q(('open', None)), fields=('delivery',)",
        ),
        by=(f"{REFUSES}::test_a_delivery_has_one_open_submission",),
    ),
    # --------------------------------------------------------------------------------- programs at the door
    _bug(
        "A call approves, and a program may decide.",
        (TABLE, 'return rule.permission != "social.approve_post"', "return True"),
        (TABLE, "    if not request.actor.is_person:", "    if False:"),
        (
            CALLS,
            "return _verb(request, post_id, key, _publish, 202)",
            "return _verb(request, post_id, key, workflow.approve, 202)",
        ),
        by=(f"{ATTACKS}::test_no_token_of_any_scope_approves_by_any_address",),
    ),
    _bug(
        "A scope that nobody knows opens every door.",
        (
            DOOR,
            "if self.scope not in token.scopes:",
            'if self.scope not in token.scopes and "*" not in token.scopes:',
        ),
        by=(f"{ATTACKS}::test_a_token_has_no_scope_that_approves",),
    ),
    _bug(
        "A program may send today what was approved for tomorrow.",
        (
            VERBS,
            'if not actor.is_person or not actor.person.has_perm("social.approve_post")',
            'if not actor.person.has_perm("social.approve_post")',
        ),
        (TABLE, "    if not request.actor.is_person:", "    if False:"),
        by=(f"{ATTACKS}::test_sending_at_once_what_was_approved_for_tomorrow_is_no_programs_decision",),
    ),
    _bug(
        "Who answers for a program may approve what it made.",
        (
            TABLE,
            "if settings.REQUIRE_SECOND_PERSON and request.actor",
            "if request.post.token_id is None and request.actor",
        ),
        by=(f"{ATTACKS}::test_who_answers_for_a_program_does_not_approve_what_it_made",),
    ),
    _bug(
        "A field that is not asked for is taken, and set.",
        (
            ASKED,
            'class Strict(BaseModel):\n    model_config = ConfigDict(extra="forbid")',
            'class Strict(BaseModel):\n    model_config = ConfigDict(extra="allow")',
        ),
        (
            CALLS,
            "        workflow.submit(post.pk, actor)\n    return post.pk",
            "        workflow.submit(post.pk, actor)\n"
            '    if "status" in sent.model_extra:\n'
            "        Post.objects.filter(pk=post.pk).update(status=sent.model_extra['status'])\n"
            "    return post.pk",
        ),
        by=(f"{ATTACKS}::test_no_field_that_is_not_asked_for_is_taken",),
    ),
    _bug(
        "A body may say a name twice.",
        ("social/api/body.py", "    if len(said) < len(pairs):", "    if False:"),
        by=(f"{ATTACKS}::test_no_body_says_two_things",),
    ),
    _bug(
        "The address says what the body does not.",
        (
            CALLS,
            "    content = proposals.check(payload)\n",
            '    payload.submit = payload.submit or request.GET.get("submit") == "true"\n'
            "    content = proposals.check(payload)\n",
        ),
        by=(f"{ATTACKS}::test_nothing_in_the_address_or_a_header_stands_for_what_the_body_says",),
    ),
    _bug(
        "A token acts as the person who answers for it.",
        (DOOR, "        return Actor(token.user, token)", "        return Actor(token.user)"),
        by=(f"{ATTACKS}::test_a_token_beside_an_approvers_session_is_still_a_program",),
    ),
    _bug(
        "Behind a wrong token the session is asked.",
        (
            DOOR,
            'raise not_signed_in("The token is unknown or revoked.", error="invalid_token")',
            "return None",
        ),
        (
            DOOR,
            'raise not_signed_in("Send the token as “Authorization: Bearer …”.", error="invalid_request")',
            "return None",
        ),
        (DOOR, '        if "Authorization" in request.headers:\n            return None\n', ""),
        by=(f"{ATTACKS}::test_behind_a_wrong_token_no_session_is_asked",),
    ),
    _bug(
        "A cookie may be the token.",
        (
            DOOR,
            'header = request.headers.get("Authorization")\n',
            'header = request.headers.get("Authorization") or request.COOKIES.get("token")\n'
            '        header = f"Bearer {header}" if header and " " not in header else header\n',
        ),
        by=(f"{ATTACKS}::test_a_token_is_no_cookie_and_gets_none",),
    ),
    _bug(
        "A session writes without the CSRF token.",
        (DOOR, "if check_csrf(request) is not None:", "if False:"),
        by=(f"{ATTACKS}::test_another_sites_form_in_an_approvers_browser_sends_nothing",),
    ),
    _bug(
        "A token signs its person in, so that the admin's forms take it.",
        (
            DOOR,
            "        return Actor(token.user, token)",
            "        from django.contrib.auth import login\n\n"
            "        login(request, token.user)\n        return Actor(token.user, token)",
        ),
        by=(f"{ATTACKS}::test_the_admins_forms_know_no_token",),
    ),
    _bug(
        "A form counts for whatever stands there by then.",
        (TABLE, "    if shown and shown != request.post.content().content_hash:", "    if False:"),
        by=(
            f"{ATTACKS}::test_an_approvers_form_sent_again_approves_nothing_that_came_later",
            f"{ATTACKS}::test_what_changes_while_an_approver_clicks_is_not_what_is_approved",
        ),
    ),
    _bug(
        "What changes while an approver clicks counts as seen.",
        (TABLE, "    if shown and shown != request.post.content().content_hash:", "    if False:"),
        by=(f"{ATTACKS}::test_what_changes_while_an_approver_clicks_is_not_what_is_approved",),
    ),
    _bug(
        "A call under its old key is done again.",
        ("social/api/idempotency.py", "    if known is not None:\n        return known\n", ""),
        (
            "social/api/idempotency.py",
            "                key=key,\n",
            '                key=f"{key} {id(request)}",\n',
        ),
        by=(f"{ATTACKS}::test_a_call_sent_again_undoes_no_decision",),
    ),
    _bug(
        "A key opens another program's answer.",
        (
            "social/api/idempotency.py",
            'objects.filter(user=who.person, token=who.token, key=key or "")',
            'objects.filter(key=key or "")',
        ),
        by=(f"{ATTACKS}::test_another_programs_key_opens_nothing",),
    ),
    _bug(
        "Two proposals at once each take the last of a quota.",
        (QUOTA, "    not_stopped(now)\n    some_left(now)\n", "    not_stopped(now)\n"),
        by=(f"{AGENTS}::test_of_many_at_once_no_more_pass_than_the_quota",),
    ),
    _bug(
        "An agent that was stopped meanwhile still writes.",
        (QUOTA, "    not_stopped(now)\n    some_left(now)\n", "    some_left(now)\n"),
        (QUOTA, "    if now.revoked_at is not None:", "    if False:"),
        by=(f"{AGENTS}::test_what_is_stopped_while_it_writes_writes_nothing",),
    ),
    _bug(
        "The MCP server has a tool for any call.",
        (MCP, "def call(\n", "@server.tool()\ndef call(\n"),
        by=("tests/programs/test_mcp_server.py",),
    ),
)
