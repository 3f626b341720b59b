package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
)

// projectModel is what a project must look like.
type projectModel struct {
	ID      int         `json:"id"`
	Slug    string      `json:"slug"`
	Name    string      `json:"name"`
	OwnerID int         `json:"owner_id"`
	Tasks   []taskModel `json:"tasks"`
	Tags    []string    `json:"tags"`
}

type taskModel struct {
	ID        int    `json:"id"`
	ProjectID int    `json:"project_id"`
	Title     string `json:"title"`
	Done      bool   `json:"done"`
}

// driver is one client of a tenant. The projects whose slugs begin with its number are its own, so
// that it knows at each moment what they look like.
type driver struct {
	client
	number        int
	mark, foreign string // of the tenant, and of the other
	mine, theirs  *atomic.Int64
	projects      map[int]*projectModel
	made          int
}

// drive sends n requests at least and returns what was wrong with the first answer that was not
// right.
func (d *driver) drive(ctx context.Context, n int) error {
	random := rand.New(rand.NewPCG(uint64(d.number), 1))
	steps := []func(ctx context.Context, p *projectModel) error{
		d.get, d.get, d.list, d.list, d.tasks, d.rename, d.addTask, d.addTask, d.doTask,
		d.deleteTask, d.tag, d.untag,
		d.attackRead, d.attackWrite, d.attackTask, d.attackBody,
	}
	for range n {
		var err error
		switch {
		case len(d.projects) == 0 || len(d.projects) < 3 && random.IntN(6) == 0:
			err = d.create(ctx)
		case len(d.projects) == 3 && random.IntN(12) == 0:
			err = d.delete(ctx, d.any(random))
		default:
			err = steps[random.IntN(len(steps))](ctx, d.any(random))
		}
		if err != nil {
			return err
		}
	}
	return d.list(ctx, nil)
}

func (d *driver) any(random *rand.Rand) *projectModel {
	ids := slices.Sorted(maps.Keys(d.projects))
	return d.projects[ids[random.IntN(len(ids))]]
}

// ask sends a request and compares its answer: the status, the body if want is not nil, and that
// nothing of the other tenant is in it.
func (d *driver) ask(
	ctx context.Context, method, path string, body any, status int, want any,
) (got, error) {
	text := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return got{}, err
		}
		text = string(encoded)
	}
	answer, err := d.send(ctx, method, path, text)
	if err != nil {
		return answer, err
	}
	wrong := func(what string) error {
		return fmt.Errorf("%s %s %s: %s: %d %s", method, path, text, what, answer.status,
			answer.body)
	}
	if strings.Contains(answer.body, d.foreign) {
		return answer, wrong("something of the other tenant")
	}
	if answer.status != status {
		return answer, wrong(fmt.Sprintf("want status %d", status))
	}
	if want == nil {
		return answer, nil
	}
	seen := reflect.New(reflect.TypeOf(want))
	if err := json.Unmarshal([]byte(answer.body), seen.Interface()); err != nil {
		return answer, wrong(err.Error())
	}
	if !reflect.DeepEqual(seen.Elem().Interface(), want) {
		return answer, wrong(fmt.Sprintf("want %+v", want))
	}
	return answer, nil
}

func (p *projectModel) path() string { return fmt.Sprintf("/api/projects/%d", p.ID) }

func (d *driver) create(ctx context.Context) error {
	d.made++
	p := &projectModel{
		Slug: fmt.Sprintf("c%d-%d", d.number/2, d.made), // the other tenant has the same
		Name: fmt.Sprintf("%s project %d", d.mark, d.made), Tasks: []taskModel{}, Tags: []string{},
	}
	answer, err := d.ask(ctx, "POST", "/api/projects",
		map[string]string{"slug": p.Slug, "name": p.Name}, http.StatusCreated, nil)
	if err != nil {
		return err
	}
	var seen projectModel
	if err := json.Unmarshal([]byte(answer.body), &seen); err != nil {
		return err
	}
	p.ID, p.OwnerID = seen.ID, seen.OwnerID
	if !reflect.DeepEqual(&seen, p) {
		return fmt.Errorf("created %+v, want %+v", seen, p)
	}
	d.projects[p.ID] = p
	d.mine.Store(int64(p.ID))
	return nil
}

func (d *driver) delete(ctx context.Context, p *projectModel) error {
	if _, err := d.ask(ctx, "DELETE", p.path(), nil, http.StatusNoContent, nil); err != nil {
		return err
	}
	delete(d.projects, p.ID)
	_, err := d.ask(ctx, "GET", p.path(), nil, http.StatusNotFound, nil)
	return err
}

func (d *driver) get(ctx context.Context, p *projectModel) error {
	_, err := d.ask(ctx, "GET", p.path(), nil, http.StatusOK, *p)
	return err
}

func (d *driver) tasks(ctx context.Context, p *projectModel) error {
	_, err := d.ask(ctx, "GET", p.path()+"/tasks", nil, http.StatusOK,
		map[string][]taskModel{"tasks": p.Tasks})
	return err
}

// list looks for its own projects among all of the tenant's, which other clients change meanwhile.
func (d *driver) list(ctx context.Context, _ *projectModel) error {
	own := map[int]*projectModel{}
	for after := 0; ; {
		answer, err := d.ask(ctx, "GET", fmt.Sprintf("/api/projects?after=%d", after), nil,
			http.StatusOK, nil)
		if err != nil {
			return err
		}
		var page struct {
			Projects []*projectModel
			Next     int
		}
		if err := json.Unmarshal([]byte(answer.body), &page); err != nil {
			return err
		}
		for _, p := range page.Projects {
			if !strings.HasPrefix(p.Name, d.mark) {
				return fmt.Errorf("list: %+v is not this tenant's", p)
			}
			if strings.HasPrefix(p.Slug, fmt.Sprintf("c%d-", d.number/2)) {
				own[p.ID] = p
			}
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	if !reflect.DeepEqual(own, d.projects) {
		return fmt.Errorf("list: got %v, want the projects %v as they are",
			slices.Sorted(maps.Keys(own)), slices.Sorted(maps.Keys(d.projects)))
	}
	return nil
}

func (d *driver) rename(ctx context.Context, p *projectModel) error {
	d.made++
	p.Name = fmt.Sprintf("%s renamed %d", d.mark, d.made)
	_, err := d.ask(ctx, "PATCH", p.path(), map[string]string{"name": p.Name}, http.StatusOK, *p)
	return err
}

func (d *driver) addTask(ctx context.Context, p *projectModel) error {
	d.made++
	task := taskModel{ProjectID: p.ID, Title: fmt.Sprintf("%s task %d", d.mark, d.made)}
	answer, err := d.ask(ctx, "POST", p.path()+"/tasks", map[string]string{"title": task.Title},
		http.StatusCreated, nil)
	if err != nil {
		return err
	}
	var seen taskModel
	if err := json.Unmarshal([]byte(answer.body), &seen); err != nil {
		return err
	}
	task.ID = seen.ID
	p.Tasks = append(p.Tasks, task)
	if seen != task {
		return fmt.Errorf("created %+v, want %+v", seen, task)
	}
	return nil
}

func (d *driver) doTask(ctx context.Context, p *projectModel) error {
	if len(p.Tasks) == 0 {
		return d.addTask(ctx, p)
	}
	task := &p.Tasks[len(p.Tasks)/2]
	task.Done = !task.Done
	_, err := d.ask(ctx, "PATCH", fmt.Sprintf("/api/tasks/%d", task.ID),
		map[string]bool{"done": task.Done}, http.StatusOK, *task)
	return err
}

func (d *driver) deleteTask(ctx context.Context, p *projectModel) error {
	if len(p.Tasks) == 0 {
		return d.addTask(ctx, p)
	}
	task := p.Tasks[0]
	p.Tasks = append([]taskModel{}, p.Tasks[1:]...)
	_, err := d.ask(ctx, "DELETE", fmt.Sprintf("/api/tasks/%d", task.ID), nil, http.StatusNoContent,
		nil)
	return err
}

// tag uses few labels, so that clients make the same one at the same time.
func (d *driver) tag(ctx context.Context, p *projectModel) error {
	d.made++
	label := fmt.Sprintf("%s-%d", d.mark, d.made%5)
	if !slices.Contains(p.Tags, label) {
		p.Tags = append(p.Tags, label)
		slices.Sort(p.Tags)
	}
	_, err := d.ask(ctx, "PUT", p.path()+"/tags/"+label, nil, http.StatusNoContent, nil)
	return err
}

func (d *driver) untag(ctx context.Context, p *projectModel) error {
	if len(p.Tags) == 0 {
		return d.tag(ctx, p)
	}
	label := p.Tags[0]
	p.Tags = append([]string{}, p.Tags[1:]...)
	_, err := d.ask(ctx, "DELETE", p.path()+"/tags/"+label, nil, http.StatusNoContent, nil)
	return err
}

// Each attack is on a project that the other tenant has made not long ago. It is that tenant's own
// clients who notice if one succeeds.

func (d *driver) attackRead(ctx context.Context, _ *projectModel) error {
	id, refused := d.target()
	_, err := d.ask(ctx, "GET", fmt.Sprintf("/api/projects/%d", id), nil, refused, nil)
	return err
}

func (d *driver) attackWrite(ctx context.Context, _ *projectModel) error {
	id, refused := d.target()
	path := fmt.Sprintf("/api/projects/%d", id)
	if _, err := d.ask(ctx, "PATCH", path, map[string]string{"name": d.mark + " was here"}, refused,
		nil); err != nil {
		return err
	}
	_, err := d.ask(ctx, "DELETE", path, nil, refused, nil)
	return err
}

func (d *driver) attackTask(ctx context.Context, p *projectModel) error {
	id, refused := d.target()
	path := fmt.Sprintf("/api/projects/%d/tasks", id)
	_, err := d.ask(ctx, "POST", path, map[string]string{"title": d.mark + " was here"}, refused,
		nil)
	if err != nil || len(p.Tasks) == 0 {
		return err
	}
	_, err = d.ask(ctx, "PATCH", fmt.Sprintf("/api/tasks/%d", p.Tasks[0].ID),
		map[string]int64{"project_id": id}, refused, nil)
	return err
}

func (d *driver) attackBody(ctx context.Context, p *projectModel) error {
	body := map[string]string{"name": d.mark + " was here", "tenant_id": "demo-globex"}
	_, err := d.ask(ctx, "PATCH", p.path(), body, http.StatusBadRequest, nil)
	return err
}

// target returns a project of the other tenant and the status of an attack on it: of what is not
// there, or of no ID where the other has made nothing yet.
func (d *driver) target() (id int64, refused int) {
	if id = d.theirs.Load(); id == 0 {
		return 0, http.StatusBadRequest
	}
	return id, http.StatusNotFound
}
