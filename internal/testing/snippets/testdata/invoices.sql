CREATE TABLE counters (tenant_id text, name text, last bigint, PRIMARY KEY (tenant_id, name));
CREATE TABLE invoices (id bigint, tenant_id text, number bigint);
