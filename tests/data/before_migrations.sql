BEGIN TRANSACTION;
CREATE TABLE "faceapp" (
	"ID" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"RECO_ID" VARCHAR(64) NOT NULL, 
	"RECO_NAME" VARCHAR(200) NOT NULL, 
	"RECO_PATH" VARCHAR(500) NOT NULL, 
	UNIQUE ("RECO_ID")
);
INSERT INTO "faceapp" VALUES(1,'RECO_ID_1','ann_o''neil','ann_o_neil-RECO_ID_1');
CREATE TABLE faceapp_acceptances (
	upload_id VARCHAR(100) NOT NULL, 
	code INTEGER NOT NULL, 
	results TEXT(16777215) NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (upload_id)
);
CREATE TABLE faceapp_challenges (
	nonce VARCHAR(32) NOT NULL, 
	reco_id VARCHAR(64) NOT NULL, 
	actions VARCHAR(200) NOT NULL, 
	created BIGINT NOT NULL, 
	used BIGINT, 
	PRIMARY KEY (nonce), 
	UNIQUE (created, nonce)
);
CREATE TABLE faceapp_enrolments (
	token VARCHAR(32) NOT NULL, 
	reco_id VARCHAR(64) NOT NULL, 
	folder VARCHAR(500) NOT NULL, 
	upload_id VARCHAR(100) NOT NULL, 
	images INTEGER NOT NULL, 
	added_version BIGINT NOT NULL, 
	removed_version BIGINT, 
	files_removed BOOLEAN NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (token), 
	UNIQUE (reco_id, token), 
	UNIQUE (removed_version, token), 
	UNIQUE (upload_id), 
	UNIQUE (added_version)
);
INSERT INTO "faceapp_enrolments" VALUES('df90395a55e76fe7b539e2989c785af7','RECO_ID_1','ann_o_neil-RECO_ID_1','RECO_ID_1-31b5835cf94093074e71b39c3b6f26f4',1,1,NULL,0,1795735590);
CREATE TABLE faceapp_forgetting (
	reco_id VARCHAR(64) NOT NULL, 
	todo TEXT(16777215) NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (reco_id)
);
CREATE TABLE faceapp_keys (
	key_id VARCHAR(16) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	label VARCHAR(100) NOT NULL, 
	scopes VARCHAR(200) NOT NULL, 
	created BIGINT NOT NULL, 
	expires BIGINT, 
	revoked BIGINT, 
	PRIMARY KEY (key_id), 
	UNIQUE (digest)
);
CREATE TABLE faceapp_locks (
	reco_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (reco_id)
);
INSERT INTO "faceapp_locks" VALUES('RECO_ID_1');
CREATE TABLE faceapp_names (
	reco_id VARCHAR(64) NOT NULL, 
	given_name VARCHAR(200) NOT NULL, 
	PRIMARY KEY (reco_id)
);
INSERT INTO "faceapp_names" VALUES('RECO_ID_1','Ann O''Neil');
CREATE TABLE faceapp_outcomes (
	upload_id VARCHAR(100) NOT NULL, 
	code INTEGER NOT NULL, 
	results TEXT(16777215) NOT NULL, 
	PRIMARY KEY (upload_id)
);
CREATE TABLE faceapp_own_keys (
	name VARCHAR(32) NOT NULL, 
	value VARCHAR(64) NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE faceapp_replay (
	number INTEGER NOT NULL, 
	upload_id VARCHAR(100) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	hash BLOB NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (upload_id, digest), 
	UNIQUE (digest, number), 
	UNIQUE (created, number)
);
CREATE TABLE faceapp_replay_bands (
	band SMALLINT NOT NULL, 
	bits BIGINT NOT NULL, 
	number INTEGER NOT NULL, 
	PRIMARY KEY (band, bits, number), 
	UNIQUE (number, band)
);
CREATE TABLE faceapp_replay_faces (
	number INTEGER NOT NULL, 
	face SMALLINT NOT NULL, 
	code BLOB NOT NULL, 
	PRIMARY KEY (number, face)
);
CREATE TABLE faceapp_same (
	reco_id VARCHAR(64) NOT NULL, 
	other_id VARCHAR(64) NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (reco_id, other_id)
);
CREATE TABLE faceapp_state (
	name VARCHAR(32) NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "faceapp_state" VALUES('gallery_version',1);
INSERT INTO "faceapp_state" VALUES('replay_turn',0);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('faceapp',1);
COMMIT;
