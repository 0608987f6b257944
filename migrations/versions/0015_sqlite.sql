ALTER TABLE announcement ADD COLUMN until_id INTEGER

UPDATE announcement SET until_id = CASE WHEN left_out = 0 THEN reached_id ELSE COALESCE((SELECT max(id) FROM member WHERE joined_at <= announcement.finished_at), reached_id) END WHERE state = 'cancelled'

ALTER TABLE announcement DROP COLUMN left_out

CREATE INDEX ix_outbox_member_id_announcement_id ON outbox (member_id, announcement_id)

DROP INDEX ix_outbox_member_id

CREATE INDEX ix_visit_day_day ON visit_day (day)

CREATE INDEX ix_member_quiet_from ON member (quiet_from) WHERE quiet_from IS NOT NULL

DROP INDEX ix_outbox_later

CREATE INDEX ix_outbox_later ON outbox (channel, not_before) WHERE channel = 'later' AND state = 'queued'
