// The page of the demonstration. It calls the service as any client does, with a token in each request.

const tenants = {}; // by slug: what GET /demo/session says of it, its token among it
const seen = {acme: [], globex: []}; // the projects of each, as it was last allowed to see them
const score = {attacks: 0, broken: 0};
const port = location.port ? `:${location.port}` : "";

// ---- calls -----------------------------------------------------------------------------------------------

// send sends a request and returns what to show of it. A body is sent as JSON.
async function send(who, token, method, url, body) {
	const request = {method, headers: {}, cache: "no-store"};
	if (token) request.headers.Authorization = `Bearer ${token}`;
	if (body !== undefined) {
		request.headers["Content-Type"] = "application/json";
		request.body = JSON.stringify(body);
	}
	const call = {who, line: `${method} ${url.replace(/^https?:\/\//, "")}`, sent: request.body};
	try {
		const response = await fetch(url, request);
		return {...call, status: response.status, text: await response.text()};
	} catch (error) {
		return {...call, status: 0, text: `no answer: ${error.message}`};
	}
}

const as = (slug, method, path, body) => send(slug, tenants[slug].token, method, path, body);

async function demo(method, path) {
	const response = await fetch(path, {method, cache: "no-store"});
	const text = await response.text();
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
	return text ? JSON.parse(text) : null;
}

const rowsOfGlobex = async () => (await demo("GET", "/demo/rows/globex")).rows;

// ---- forged tokens ---------------------------------------------------------------------------------------

const base64url = (bytes) =>
	btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const part = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));

// claims are those of globex's own token, which an attacker can guess.
const claims = () => JSON.parse(atob(tenants.globex.token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));

const unsigned = () => `${part({alg: "none", typ: "JWT"})}.${part(claims())}.`;

async function signedWith(secret) {
	const text = new TextEncoder();
	const head = `${part({alg: "HS256", typ: "JWT"})}.${part(claims())}`;
	const key = await crypto.subtle.importKey("raw", text.encode(secret), {name: "HMAC", hash: "SHA-256"}, false, ["sign"]);
	return `${head}.${base64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(head))))}`;
}

// tampered is acme's own token with globex's claims written into it.
function tampered() {
	const [head, , signature] = tenants.acme.token.split(".");
	return `${head}.${part(claims())}.${signature}`;
}

// ---- attacks ---------------------------------------------------------------------------------------------

function theirs() {
	if (!seen.globex.length) throw new Error("globex has shown no project yet: resume it first");
	return seen.globex.at(-1).id;
}
const own = () => seen.acme[0];
const spare = () => Math.random().toString(36).slice(2, 8);

// Each has the calls to make, one after the other.
const groups = [
	["Globex's rows, by their IDs", [
		["read", "Read globex's project", () => [as("acme", "GET", `/api/projects/${theirs()}`)]],
		["rename", "Rename it", () => [as("acme", "PATCH", `/api/projects/${theirs()}`, {name: "Taken over by acme"})]],
		["delete", "Delete it", () => [as("acme", "DELETE", `/api/projects/${theirs()}`)]],
		["attach", "Attach a task to it", () => [as("acme", "POST", `/api/projects/${theirs()}/tasks`, {title: "Spy"})]],
		["move", "Move a task of acme into it", () => [as("acme", "PATCH", `/api/tasks/${own().tasks[0].id}`, {project_id: theirs()})]],
	]],
	["The tenant in the body", [
		["body-create", "Create a project for globex", () =>
			[as("acme", "POST", "/api/projects", {slug: "planted", name: "Planted", tenant_id: tenants.globex.id})]],
		["body-patch", "Give a project to globex", () =>
			[as("acme", "PATCH", `/api/projects/${own().id}`, {name: own().name, tenant_id: tenants.globex.id})]],
	]],
	["Another tenant's door", [
		["subdomain", "Acme's token at globex's subdomain", () =>
			[send("acme", tenants.acme.token, "GET", `${location.protocol}//globex.localhost${port}/api/projects`)]],
		["none", "A token that is not signed (alg none)", () => [send("forger", unsigned(), "GET", "/api/projects")]],
		["wrong-key", "A token signed with a guessed secret", async () =>
			[send("forger", await signedWith("secret"), "GET", "/api/projects")]],
		["tampered", "Acme's token, with globex written into it", () => [send("forger", tampered(), "GET", "/api/projects")]],
		["usage", "The administrator's report, with acme's token", () => [as("acme", "GET", "/admin/usage")]],
	]],
	["A mistake in the service itself", [
		["raw-sql", 'db.Raw("SELECT * FROM projects")', () => [as("acme", "POST", "/demo/raw-sql")]],
	]],
	["Limits and suspension", [
		["fourth", "A fourth project on the free plan", () =>
			[as("acme", "POST", "/api/projects", {slug: `fourth-${spare()}`, name: "Fourth"})]],
		["suspend", "Suspend globex", async () =>
			[await send("admin", null, "POST", "/demo/suspend"), await as("globex", "GET", "/api/projects"), as("acme", "GET", "/api/me")]],
		["resume", "Resume globex", async () =>
			[await send("admin", null, "POST", "/demo/resume"), await as("globex", "GET", "/api/me"), as("acme", "GET", "/api/me")]],
	]],
];

// secrets are texts that only globex has.
function secrets() {
	const texts = (projects) => projects.flatMap((p) => [p.name, ...p.tasks.map((t) => t.title), ...p.tags]);
	const acmes = new Set(texts(seen.acme));
	return texts(seen.globex).filter((text) => !acmes.has(text));
}

// attack makes the calls of one, and shows what came of it.
async function attack(id, title, run) {
	const before = await rowsOfGlobex();
	const calls = await Promise.all(await run());
	const unchanged = await rowsOfGlobex() === before;
	const told = calls.filter((c) => c.who !== "globex").map((c) => c.text).join("\n");
	const leaked = secrets().some((text) => told.includes(text));
	score.attacks++;
	if (!unchanged || leaked) score.broken++;
	show(id, title, calls, unchanged && !leaked, verdict(unchanged, leaked), {unchanged, leaked});
	await refresh();
}

// move moves a tenant to another level of isolation. All rows of both must be afterwards what they were.
async function move(slug, level) {
	const rows = async () => JSON.stringify([await demo("GET", "/demo/rows/acme"), await demo("GET", "/demo/rows/globex")]);
	const before = await rows();
	const call = await send("admin", null, "POST", `/demo/move/${slug}/${level}`);
	const unchanged = await rows() === before;
	if (!unchanged) score.broken++;
	show(`move-${slug}-${level}`, `Move ${slug} to the level ${level}`, [call], unchanged, told(call, unchanged), {unchanged});
	await refresh();
}

// told says what came of a move.
function told(call, unchanged) {
	if (!unchanged) return "PROMISE BROKEN: a row has changed";
	if (call.status !== 200) return "not moved, no row has changed";
	const {rows, frozen_ms: frozen} = JSON.parse(call.text);
	return rows ? `${rows} rows moved, none has changed; could not write for ${frozen} ms` : "it was there already";
}

// ---- what is shown ---------------------------------------------------------------------------------------

// element makes one with text and children: nothing is ever taken for HTML.
function element(name, className, ...children) {
	const made = document.createElement(name);
	if (className) made.className = className;
	made.append(...children);
	return made;
}

function show(id, title, calls, kept, says, data) {
	const entry = element("li", "", element("strong", "", title));
	Object.assign(entry.dataset, {...data, attack: id, statuses: calls.map((c) => c.status).join(" ")});
	for (const call of calls) {
		entry.append(element("div", "call", element("span", "request", `${call.line}`), ` as ${call.who} → `,
			element("strong", call.status < 400 ? "status" : "status no", String(call.status))));
		if (call.sent) entry.append(element("pre", "sent", call.sent));
		if (call.text) entry.append(element("pre", "answer", call.text.trim()));
	}
	entry.append(element("span", `verdict ${kept ? "kept" : "broken"}`, says));
	const log = document.getElementById("log");
	log.querySelector(".empty")?.remove();
	log.prepend(entry);
	document.getElementById("score").textContent = `${score.attacks} attacks, ${score.broken} promises broken`;
}

function verdict(unchanged, leaked) {
	if (!unchanged) return "PROMISE BROKEN: globex changed";
	if (leaked) return "PROMISE BROKEN: the answer holds something of globex";
	return "globex unchanged, nothing of globex told";
}

function draw(slug, projects) {
	const cards = projects.map((p) => element("div", "project",
		element("strong", "", p.name), element("code", "", `#${p.id} ${p.slug}`),
		element("ul", "", ...p.tasks.map((t) => element("li", t.done ? "done" : "", t.title))),
		...p.tags.map((tag) => element("span", "tag", tag))));
	document.querySelector(`#${slug} .projects`).replaceChildren(...cards);
}

// drawPlaces shows at which level of isolation the tenants are.
async function drawPlaces() {
	const places = await demo("GET", "/demo/places");
	for (const [slug, level] of Object.entries(places.tenants)) {
		const box = document.querySelector(`#${slug} .place`);
		if (!box.children.length) {
			box.append("level", ...places.levels.map((to) => button(`move-${slug}-${to}`, to, () => move(slug, to))));
		}
		for (const made of box.children) made.setAttribute("aria-pressed", made.textContent === level);
	}
}

// refresh shows both tenants as each sees itself.
async function refresh() {
	await drawPlaces();
	for (const slug of ["acme", "globex"]) {
		const {status, text} = await as(slug, "GET", "/api/projects");
		if (status === 200) {
			seen[slug] = JSON.parse(text).projects;
			draw(slug, seen[slug]);
		} else {
			const why = text.startsWith("{") ? JSON.parse(text).detail : text;
			document.querySelector(`#${slug} .projects`).replaceChildren(element("div", "refused", `${status}: ${why}`));
			if (status === 401) await logIn();
		}
	}
}

async function logIn() {
	const session = await demo("GET", "/demo/session");
	for (const tenant of session.tenants) tenants[tenant.slug] = tenant;
	document.getElementById("database").textContent = session.database === "postgres"
		? "Postgres: the plugin, and row-level security behind it" : "SQLite: the plugin alone";
}

// ---- start -----------------------------------------------------------------------------------------------

// alone lets one thing happen at a time, and shows what went wrong.
async function alone(work) {
	const buttons = document.querySelectorAll("button");
	buttons.forEach((button) => { button.disabled = true; });
	const trouble = document.getElementById("trouble");
	try {
		trouble.hidden = true;
		await work();
	} catch (error) {
		trouble.textContent = `The demonstration failed: ${error.message}`;
		trouble.hidden = false;
	}
	buttons.forEach((button) => { button.disabled = false; });
}

function button(id, title, work) {
	const made = element("button", "", title);
	made.type = "button";
	made.id = id;
	made.addEventListener("click", () => alone(work));
	return made;
}

function drawButtons() {
	const box = document.getElementById("buttons");
	const all = button("all", "Run them all", async () => {
		for (const [, attacks] of groups) for (const [id, title, run] of attacks) await attack(id, title, run);
	});
	all.className = "all";
	box.append(element("div", "group", all));
	for (const [name, attacks] of groups) {
		box.append(element("div", "group", element("h3", "", name),
			...attacks.map(([id, title, run]) => button(`attack-${id}`, title, () => attack(id, title, run)))));
	}
	document.getElementById("clear").addEventListener("click", () => document.getElementById("log").replaceChildren());
}

if (location.hostname !== "localhost" && /^(127\.|\[|.*\.localhost$)/.test(location.hostname)) {
	location.replace(`${location.protocol}//localhost${port}/`); // only there are the subdomains its own
} else {
	drawButtons();
	await alone(async () => {
		await logIn();
		await refresh();
		document.body.dataset.ready = "true";
	});
	setInterval(() => { if (!document.hidden && document.body.dataset.ready) refresh().catch(() => {}); }, 2000);
}
