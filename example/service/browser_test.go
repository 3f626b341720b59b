package service_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var screenshot = flag.String("screenshot", "",
	"write what the page looks like on SQLite to this PNG file")

// Every button of the page is pressed, and what the page then says is compared with what must have
// come of it.
func TestPage_attacks_in_a_browser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		b := newBrowser(t)
		s := serve(t, url)
		b.open(s.base) // by its address, from where the page goes to localhost
		b.await(`document.body.dataset.ready && location.hostname === "localhost"`)
		var columns string
		b.run(&columns, `return document.querySelector(".tenants").innerText`)
		for _, text := range []string{
			"Mobile app", "Documentation", "Wireframes", "design", "Merger", "Sign the papers",
			"secret",
		} {
			require.Contains(t, columns, text)
		}

		attacks := []struct{ id, statuses, says string }{
			{"read", "404", "There is nothing of that ID or name."},
			{"rename", "404", "There is nothing of that ID or name."},
			{"delete", "404", "There is nothing of that ID or name."},
			{"attach", "404", "There is nothing of that ID or name."},
			{"move", "404", "There is nothing of that ID or name."},
			{"body-create", "400", `unknown field \"tenant_id\"`},
			{"body-patch", "400", `unknown field \"tenant_id\"`},
			{"subdomain", "403", "The request names different tenants in different places."},
			{"none", "401", "Log in."},
			{"wrong-key", "401", "Log in."},
			{"tampered", "401", "Log in."},
			{"usage", "401", "This needs the admin token."},
			{"raw-sql", "200", ""},
			{"fourth", "403", "The plan allows no more than 3 projects."},
			{"suspend", "204 403 200", "The tenant is suspended."},
			{"resume", "204 200 200", "Carol"},
		}
		var buttons int
		b.run(&buttons, `return document.querySelectorAll("[id^=attack-]").length`)
		require.Len(t, attacks, buttons)
		for i, attack := range attacks {
			b.click("#attack-" + attack.id)
			b.await(`document.querySelectorAll("#log li[data-attack]").length === arguments[0]
				&& !document.getElementById("attack-read").disabled`, i+1)
			var entry struct{ Attack, Statuses, Unchanged, Leaked, Text string }
			b.run(&entry,
				`const li = document.querySelector("#log li"); return {...li.dataset, text: `+
					`li.innerText}`)
			require.Equal(t, attack.id, entry.Attack)
			require.Equal(t, attack.statuses, entry.Statuses, entry.Text)
			require.Contains(t, entry.Text, attack.says)
			require.Equal(t, "true", entry.Unchanged)
			require.Equal(t, "false", entry.Leaked)
			require.Contains(t, entry.Text, "globex unchanged, nothing of globex told")
			var globex string
			b.run(&globex, `return document.getElementById("globex").innerText`)
			require.Equal(t, attack.id == "suspend",
				strings.Contains(globex, "403: The tenant is suspended."), globex)
		}

		total := len(attacks)
		all := func() {
			b.click("#clear")
			b.click("#all")
			total += len(attacks)
			b.await(`document.getElementById("score").textContent === arguments[0] && `+
				`!document.getElementById("all").disabled`,
				fmt.Sprintf("%d attacks, 0 promises broken", total))
		}
		all()

		// The same with tenants in places of their own, each at another level than the other, and
		// at the same.
		at := map[string]string{"acme": "rows", "globex": "rows"}
		moves := [][2]string{{"globex", "database"}, {"acme", "database"}}
		if url != "" {
			moves = [][2]string{
				{"acme", "schema"},
				{"globex", "database"},
				{"globex", "schema"},
				{"acme", "database"},
			}
		}
		for _, move := range moves {
			slug, level := move[0], move[1]
			b.click("#move-" + slug + "-" + level)
			b.await(`document.querySelector("#log li")?.dataset.attack === arguments[0] && `+
				`!document.getElementById("attack-read").disabled`,
				"move-"+slug+"-"+level)
			var entry struct{ Statuses, Unchanged, Text string }
			b.run(&entry,
				`const li = document.querySelector("#log li"); return {...li.dataset, text: `+
					`li.innerText}`)
			require.Equal(t, "200", entry.Statuses, entry.Text)
			require.Equal(t, "true", entry.Unchanged)
			require.Regexp(t, `\d+ rows moved, none has changed; could not write for [0-9.]+ ms`,
				entry.Text)
			at[slug] = level
			var shown map[string]string
			b.run(&shown, `return Object.fromEntries([
				...document.querySelectorAll(".place [aria-pressed=true]"),
			].map((made) => [made.closest("article").id, made.textContent]))`)
			require.Equal(t, at, shown)
			if slug == "globex" {
				continue // with the next move
			}
			all()
		}
		if *screenshot != "" && url == "" {
			b.click("#clear")
			for _, id := range []string{
				"attack-fourth", "attack-raw-sql", "attack-subdomain", "move-acme-rows",
				"attack-rename", "attack-read",
			} {
				b.click("#" + id)
				b.await(`!document.getElementById("attack-read").disabled`)
			}
			require.NoError(t, os.WriteFile(*screenshot, b.screenshot(), 0o600))
		}
		b.await(`document.getElementById("trouble").hidden`)
		for _, message := range b.console() {
			// No policy, no script.
			require.Contains(t, message, "Failed to load resource", "other than a refusal")
		}

		// The page would notice, and takes nothing for HTML.
		b.run(nil, `const real = fetch; window.fetch = async (url, options) => {
			const response = await real(url, options);
			const rows = String(url).startsWith("/demo/rows/");
			return rows ? Response.json({rows: Math.random()}) : response;
		}`)
		b.click("#attack-read")
		b.await(`document.querySelector("#log li")?.dataset.unchanged === "false"`)
		b.await(`document.querySelector("#log .verdict").textContent === ` +
			`"PROMISE BROKEN: globex changed"`)
		b.open(strings.Replace(s.base, "127.0.0.1", "localhost", 1))
		b.await(`document.body.dataset.ready`)
		b.run(nil, `const real = fetch; window.fetch = async (url, options) =>
			/^.api.projects.\d+$/.test(url)
				? Response.json({name: "Sign the papers"})
				: real(url, options)`)
		b.click("#attack-read")
		b.await(`document.querySelector("#log li")?.dataset.leaked === "true"`)
		acme, _ := s.session()
		id := field[[]struct{ ID int }](t, acme.do("GET", "/api/projects", ""), "projects")[0].ID
		require.Equal(t, 200,
			acme.do("PATCH", fmt.Sprintf("/api/projects/%d", id),
				`{"name": "<b id='injected'>bold</b>"}`).status)
		b.await(`document.getElementById("acme").innerText.includes("<b id='injected'>bold</b>")`)
		b.await(`document.getElementById("injected") === null`)
	})
}
