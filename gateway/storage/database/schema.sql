CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0015');
CREATE TABLE console_session (
	id TEXT NOT NULL,
	person BLOB NOT NULL,
	started_us BIGINT NOT NULL,
	seen_us BIGINT NOT NULL,
	ends_us BIGINT NOT NULL,
	renewing_us BIGINT NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE cosigned_head (
	log TEXT NOT NULL,
	size BIGINT NOT NULL,
	checkpoint BLOB NOT NULL,
	lines BLOB NOT NULL,
	time_us BIGINT NOT NULL,
	PRIMARY KEY (log, size)
);
CREATE TABLE desk_attachment (
	peer TEXT NOT NULL,
	notice_id TEXT NOT NULL,
	root BLOB NOT NULL,
	thread_id TEXT NOT NULL,
	ours BOOLEAN NOT NULL,
	size BIGINT NOT NULL,
	state TEXT NOT NULL,
	file TEXT NOT NULL,
	time_us BIGINT NOT NULL,
	due_us BIGINT NOT NULL,
	tries BIGINT NOT NULL,
	problem TEXT NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (peer, notice_id, root)
);
CREATE TABLE desk_delivery (
	notice_id TEXT NOT NULL,
	peer TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	seq BIGINT NOT NULL,
	type TEXT NOT NULL,
	urgency INTEGER NOT NULL,
	due_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL,
	tries BIGINT NOT NULL,
	problem TEXT NOT NULL,
	state TEXT NOT NULL,
	PRIMARY KEY (notice_id)
);
CREATE TABLE desk_holding (
	jti TEXT NOT NULL,
	direction TEXT NOT NULL,
	holder TEXT NOT NULL,
	owner TEXT NOT NULL,
	source TEXT NOT NULL,
	state TEXT NOT NULL,
	version BIGINT NOT NULL,
	type TEXT NOT NULL,
	due_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL,
	token BLOB,
	record BLOB NOT NULL,
	PRIMARY KEY (jti, direction, holder, owner)
);
CREATE TABLE desk_notice (
	peer TEXT NOT NULL,
	notice_id TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	version BIGINT NOT NULL,
	side TEXT NOT NULL,
	seq BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	type TEXT NOT NULL,
	code TEXT NOT NULL,
	urgency INTEGER NOT NULL,
	issued_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL,
	time_us BIGINT NOT NULL,
	payload_hash BLOB NOT NULL,
	log TEXT NOT NULL,
	entry BIGINT NOT NULL,
	envelope BLOB NOT NULL,
	receipt BLOB NOT NULL,
	PRIMARY KEY (peer, notice_id)
);
CREATE TABLE desk_report (
	peer TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	added_us BIGINT NOT NULL,
	version BIGINT NOT NULL,
	withdrawn_us BIGINT NOT NULL,
	until_us BIGINT NOT NULL,
	PRIMARY KEY (peer, thread_id)
);
CREATE TABLE desk_report_key (
	token BLOB NOT NULL,
	peer TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	PRIMARY KEY (token, peer, thread_id)
);
CREATE TABLE desk_thread (
	peer TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	opener BOOLEAN NOT NULL,
	state TEXT NOT NULL,
	urgency INTEGER NOT NULL,
	version BIGINT NOT NULL,
	opened_us BIGINT NOT NULL,
	due_us BIGINT NOT NULL,
	closed_us BIGINT NOT NULL,
	group_id TEXT NOT NULL,
	office TEXT NOT NULL,
	agency TEXT NOT NULL,
	officer BLOB NOT NULL,
	ours BIGINT NOT NULL,
	theirs BIGINT NOT NULL,
	our_last BLOB NOT NULL,
	their_last BLOB NOT NULL,
	draft BLOB NOT NULL,
	PRIMARY KEY (peer, thread_id)
);
CREATE TABLE desk_work (
	id TEXT NOT NULL,
	peer TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	agency TEXT NOT NULL,
	office TEXT NOT NULL,
	role TEXT NOT NULL,
	urgency INTEGER NOT NULL,
	opened_us BIGINT NOT NULL,
	half_us BIGINT NOT NULL,
	due_us BIGINT NOT NULL,
	level TEXT NOT NULL,
	paused_us BIGINT NOT NULL,
	done_us BIGINT NOT NULL,
	notice_id TEXT NOT NULL,
	people BLOB NOT NULL,
	alarm_us BIGINT NOT NULL, assignee BLOB,
	PRIMARY KEY (id)
);
CREATE TABLE document (
	kind TEXT NOT NULL,
	"key" TEXT NOT NULL,
	value BLOB NOT NULL,
	expires_us BIGINT NOT NULL,
	PRIMARY KEY (kind, "key")
);
CREATE TABLE head_evidence (
	origin TEXT NOT NULL,
	hash BLOB NOT NULL,
	code TEXT NOT NULL,
	known BLOB NOT NULL,
	offered BLOB NOT NULL,
	time_us BIGINT NOT NULL,
	PRIMARY KEY (origin, hash)
);
CREATE TABLE log_checkpoint (
	log_id INTEGER NOT NULL,
	size BIGINT NOT NULL,
	checkpoint BLOB NOT NULL,
	PRIMARY KEY (log_id, size),
	FOREIGN KEY(log_id) REFERENCES log_state (id)
)
 WITHOUT ROWID

;
CREATE TABLE log_content (
	log_id INTEGER NOT NULL,
	seq BIGINT NOT NULL,
	key_id TEXT NOT NULL,
	wrapped_key BLOB NOT NULL,
	private BLOB NOT NULL,
	request BLOB NOT NULL,
	answer BLOB NOT NULL,
	PRIMARY KEY (log_id, seq)
);
CREATE TABLE log_entry (
	log_id INTEGER NOT NULL,
	seq BIGINT NOT NULL,
	body BLOB NOT NULL,
	leaf_hash BLOB NOT NULL,
	kind TEXT NOT NULL,
	peer TEXT NOT NULL,
	exchange_id BLOB,
	time_us BIGINT NOT NULL,
	channel TEXT,
	number BIGINT,
	request_hash BLOB,
	expires_us BIGINT,
	PRIMARY KEY (log_id, seq),
	FOREIGN KEY(log_id) REFERENCES log_state (id)
)
 WITHOUT ROWID

;
CREATE TABLE log_lease (
	log_id INTEGER NOT NULL,
	epoch BIGINT NOT NULL,
	busy BOOLEAN NOT NULL,
	PRIMARY KEY (log_id)
);
CREATE TABLE log_node (
	log_id INTEGER NOT NULL,
	level INTEGER NOT NULL,
	place BIGINT NOT NULL,
	hash BLOB NOT NULL,
	PRIMARY KEY (log_id, level, place)
)
 WITHOUT ROWID

;
CREATE TABLE log_state (
	id INTEGER NOT NULL,
	log TEXT NOT NULL,
	number BIGINT NOT NULL,
	size BIGINT NOT NULL,
	root BLOB NOT NULL,
	checkpoint BLOB NOT NULL,
	counters TEXT NOT NULL,
	claims_from BIGINT NOT NULL, pruned BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (log)
);
CREATE TABLE log_tile (
	log_id INTEGER NOT NULL,
	place BIGINT NOT NULL,
	hashes BLOB NOT NULL,
	PRIMARY KEY (log_id, place)
);
CREATE TABLE quota_use (
	day INTEGER NOT NULL,
	direction TEXT NOT NULL,
	peer TEXT NOT NULL,
	purpose TEXT NOT NULL,
	used BIGINT NOT NULL,
	PRIMARY KEY (day, direction, peer, purpose)
)
 WITHOUT ROWID

;
CREATE TABLE seen_head (
	origin TEXT NOT NULL,
	size BIGINT NOT NULL,
	checkpoint BLOB NOT NULL,
	PRIMARY KEY (origin)
);
CREATE TABLE witnessed_head (
	origin TEXT NOT NULL,
	size BIGINT NOT NULL,
	root BLOB NOT NULL,
	checkpoint BLOB NOT NULL,
	time_us BIGINT NOT NULL,
	PRIMARY KEY (origin)
);
CREATE INDEX log_entry_channel ON log_entry (log_id, channel, number) WHERE channel IS NOT NULL;
CREATE INDEX document_expires ON document (expires_us);
CREATE INDEX desk_thread_closed ON desk_thread (closed_us) WHERE closed_us > 0;
CREATE INDEX desk_thread_group ON desk_thread (group_id) WHERE group_id != '';
CREATE INDEX desk_thread_id ON desk_thread (thread_id);
CREATE INDEX desk_thread_newest ON desk_thread (opened_us);
CREATE INDEX desk_thread_state ON desk_thread (state, opened_us);
CREATE INDEX desk_notice_thread ON desk_notice (peer, thread_id, version);
CREATE INDEX desk_delivery_due ON desk_delivery (peer, urgency, due_us) WHERE state = 'waiting';
CREATE INDEX desk_delivery_next ON desk_delivery (due_us) WHERE state = 'waiting';
CREATE INDEX desk_delivery_thread ON desk_delivery (peer, thread_id, state, seq);
CREATE INDEX desk_work_alarm ON desk_work (alarm_us) WHERE alarm_us > 0;
CREATE INDEX desk_work_agency ON desk_work (agency, due_us) WHERE done_us = 0;
CREATE INDEX desk_work_office ON desk_work (office, agency, due_us) WHERE done_us = 0;
CREATE INDEX desk_work_open ON desk_work (due_us) WHERE done_us = 0;
CREATE INDEX desk_work_thread ON desk_work (peer, thread_id);
CREATE INDEX desk_holding_holder ON desk_holding (direction, holder, state);
CREATE INDEX desk_holding_over ON desk_holding (expires_us) WHERE expires_us > 0;
CREATE INDEX desk_holding_source ON desk_holding (source);
CREATE INDEX desk_holding_token ON desk_holding (token) WHERE token IS NOT NULL;
CREATE INDEX desk_thread_ending ON desk_thread (closed_us) WHERE closed_us > 0 AND state NOT IN ('ended', 'expired');
CREATE INDEX desk_thread_kind ON desk_thread (kind, state, opened_us);
CREATE INDEX desk_work_kind ON desk_work (kind, opened_us) WHERE done_us = 0;
CREATE INDEX console_session_person ON console_session (person);
CREATE INDEX desk_thread_place ON desk_thread (office, agency, state, opened_us);
CREATE INDEX desk_work_assignee ON desk_work (assignee, due_us);
CREATE INDEX desk_work_role ON desk_work (role, due_us) WHERE done_us = 0;
CREATE INDEX desk_attachment_thread ON desk_attachment (peer, thread_id);
CREATE INDEX desk_attachment_due ON desk_attachment (state, due_us);
CREATE UNIQUE INDEX desk_report_added ON desk_report (added_us);
CREATE INDEX desk_report_key_report ON desk_report_key (peer, thread_id);
CREATE INDEX desk_notice_issued ON desk_notice (issued_us, peer, thread_id);
CREATE INDEX desk_work_level ON desk_work (level, kind, due_us) WHERE done_us = 0;
CREATE INDEX desk_work_people ON desk_work (due_us) WHERE done_us = 0 AND length(people) > 0;
