CREATE INDEX ix_visit_day_member_id ON visit (day, member_id)

DROP INDEX ix_visit_member_id_day

DROP INDEX ix_visit_day
