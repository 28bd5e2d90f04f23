// The page: reads how the server is, as long as the tab is looked at, and sends what is typed.
// Texts of the server become text nodes, never markup.

import { Unusable, curl, looksNamed, python, request, responseRows } from './body.js';
import { ofCalls, points, short, span, time } from './numbers.js';

/** Milliseconds from one look at the server to the next. */
const PAUSE = 2000;

/** Rows, and characters, of a response that are shown. */
const MOST_ROWS = 200;
const MOST_TEXT = 200_000;

const METHODS = {
  predict: 'Predict',
  transform_input: 'Transform input',
  transform_output: 'Transform output',
  route: 'Route',
};

const OF_SERVICE = { ROUTER: 'route', TRANSFORMER: 'transform_input' };

const EXAMPLES = {
  rows: { label: 'Rows', value: '5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3' },
  text: { label: 'Text', value: 'hello' },
  json: { label: 'JSON', value: '{"key": [1, 2]}' },
};

const base = new URL('.', document.baseURI);
const by = (id) => document.getElementById(id);

/** It is kept here alone. */
let token = '';
let state;
let timer;
let hasMetadata = false;
let isNamesChosen = false;
let isWaiting = false;

const headers = () => (token ? { authorization: `Bearer ${token}` } : {});

/** Writes a text where it is not there already, so that readers of screens stay silent. */
function write(id, text) {
  const element = by(id);
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}

/** A table of texts. */
function table(caption, names, rows, hasRowNames = false) {
  const made = document.createElement('table');
  made.append(make('caption', caption));
  if (names.length > 0) {
    const head = made.createTHead().insertRow();
    names.forEach((name, at) => {
      const side = hasRowNames && at === 0 ? 'left' : '';
      head.append(make('th', name, { scope: 'col', class: side }));
    });
  }
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((text, at) => {
      const isName = hasRowNames && at === 0;
      line.append(isName ? make('th', text, { scope: 'row', class: 'left' }) : make('td', text));
    });
  }
  return made;
}

function showState(text, look) {
  write('state', text);
  by('state').className = `state ${look}`;
}

/* How the server is. */

async function look() {
  clearTimeout(timer);
  if (document.hidden) {
    return;
  }
  let pause = PAUSE;
  try {
    const signal = AbortSignal.timeout(10_000);
    const path = new URL('streeling-page/state', base);
    const response = await fetch(path, { headers: headers(), cache: 'no-store', signal });
    if (response.status === 401) {
      needToken();
      return;
    }
    if (!response.ok) {
      throw new Error(`status ${response.status}`);
    }
    show(await response.json());
  } catch {
    showState('✕ No connection', 'bad');
    pause = 3 * PAUSE;
  }
  clearTimeout(timer);
  timer = setTimeout(look, pause);
}

function needToken() {
  showState('✕ Token needed', 'bad');
  by('access').hidden = false;
  if (token) {
    token = '';
    write('access-status', 'The server does not take this token.');
  }
}

function show(next) {
  const before = state;
  state = next;
  by('access').hidden = true;
  showState(next.ready ? '✓ Ready' : `✕ Not ready: ${next.unready}`, next.ready ? 'good' : 'bad');
  const about = ({ uptime_seconds, calls, workers, in_flight, ...rest }) => JSON.stringify(rest);
  if (!before || about(before) !== about(next)) {
    showComponent(next);
  }
  write('uptime', span(next.uptime_seconds));
  showNumbers(next);
  if (next.ready && !hasMetadata) {
    hasMetadata = true;
    readMetadata();
  }
}

function showComponent({ interface: name, model, service_type: type, methods, ...rest }) {
  document.title = `${name} · Streeling`;
  write('name', name);
  write('summary', `${type}, served by Streeling ${rest.version}`);
  write('interface', name === model ? name : `${name}, by the name ${model}`);
  write('service-type', type);
  write('methods', methods?.join(', ') || (methods ? 'none' : 'those of a component in Rust'));
  write('runtime', rest.runtime ?? 'the server itself');
  write('version', `Streeling ${rest.version}`);
  const names = { seldon: 'Seldon', v2: 'V2 (Open Inference)' };
  write('protocols', rest.protocols.map((one) => names[one]).join(', '));
  by('protocol-choice').hidden = !rest.protocols.includes('v2');
  offer(methods, type);
  describe();
}

/** Offers the methods that there are, of those that take one message. */
function offer(methods, type) {
  const plain = (methods ?? []).map((name) => name.split(' ')[0]);
  const known = Object.keys(METHODS).filter((name) => plain.includes(name));
  const usual = OF_SERVICE[type] ?? 'predict';
  const offered = known.length > 0 ? known : [usual];
  const select = by('method');
  const chosen = select.value;
  select.replaceChildren(...offered.map((value) => make('option', METHODS[value], { value })));
  select.value = [chosen, usual, offered[0]].find((one) => offered.includes(one));
}

function showNumbers(now) {
  const total = (name) => now.workers.reduce((all, pool) => all + pool[name], 0);
  const hasWorkers = now.workers.length > 0;
  write('workers', hasWorkers ? `${total('ready')} of ${total('desired')}` : 'in the server');
  write('queued', hasWorkers ? short(total('queued')) : '0');
  write('in-flight', short(now.in_flight));
  document.querySelectorAll('.counted').forEach((element) => {
    element.toggleAttribute('hidden', !now.calls);
  });
  by('by-method').hidden = !now.calls?.length;
  if (!now.calls) {
    return;
  }
  const at = performance.now();
  const calls = ofCalls(now, at);
  write('calls', short(calls.count));
  write('errors', short(calls.errors));
  write('rate', short(calls.rate));
  for (const name of ['median', 'most', 'mean']) {
    write(name, time(calls[name]));
  }
  write('span', calls.span);
  document.querySelector('#plot polyline').setAttribute('points', points(at));
  const row = (one) => {
    const mean = time(one.count > 0 ? one.seconds / one.count : undefined);
    return [`${one.method}, ${one.transport}`, short(one.count), short(one.errors), mean];
  };
  const names = ['Method', 'Calls', 'Errors', 'Mean'];
  const rows = now.calls.map(row);
  by('by-method').replaceChildren(table('Since the start', names, rows, true));
}

async function readMetadata() {
  try {
    const response = await fetch(new URL('metadata', base), { headers: headers() });
    const text = await response.text();
    write('metadata', JSON.stringify(JSON.parse(text), null, 2));
  } catch (error) {
    hasMetadata = false;
    write('metadata', `It cannot be read: ${error.message}`);
  }
}

/* The form. */

function typed() {
  return {
    protocol: by('protocol-choice').hidden ? 'seldon' : by('protocol').value,
    method: by('method').value || 'predict',
    model: state?.model ?? 'model',
    kind: by('kind').value,
    text: by('input').value,
    isNamed: by('names').checked,
  };
}

/** Writes the request in all its forms; gives it, if what is typed can be sent. */
function describe() {
  const now = typed();
  const isV2 = now.protocol === 'v2';
  by('method-choice').hidden = isV2;
  write('send', isV2 ? 'Infer' : METHODS[now.method]);
  by('names-choice').hidden = now.kind !== 'rows';
  by('input-hint').hidden = now.kind !== 'rows';
  try {
    const made = request(now, base);
    const hasToken = token !== '';
    write('curl', curl(made, hasToken));
    write('python', python(made, hasToken));
    write('body', made.body);
    write('problem', '');
    by('input').removeAttribute('aria-invalid');
    return made;
  } catch (error) {
    if (!(error instanceof Unusable)) {
      throw error;
    }
    for (const id of ['curl', 'python', 'body']) {
      write(id, '–');
    }
    return error;
  }
}

async function send(event) {
  event.preventDefault();
  if (isWaiting) {
    return;
  }
  const made = describe();
  if (made instanceof Unusable) {
    write('problem', made.message);
    by('input').setAttribute('aria-invalid', 'true');
    by('input').focus();
    return;
  }
  // A disabled button would lose the focus.
  isWaiting = true;
  by('send').setAttribute('aria-disabled', 'true');
  by('result').className = '';
  write('result', 'Waiting for the response');
  const since = performance.now();
  try {
    const response = await fetch(made.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers() },
      body: made.body,
    });
    const text = await response.text();
    showResponse(response, text, performance.now() - since);
  } catch (error) {
    by('outcome').hidden = true;
    by('result').className = 'problem';
    write('result', `✕ There is no response: ${error.message}`);
  }
  isWaiting = false;
  by('send').removeAttribute('aria-disabled');
  look();
}

function showResponse(response, text, took) {
  by('outcome').hidden = false;
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    // It is shown as it came.
  }
  const why = parsed?.status?.info ?? parsed?.error;
  const reason = !response.ok && typeof why === 'string' ? `: ${why}` : '';
  const mark = response.ok ? '✓' : '✕';
  write('result', `${mark} Status ${response.status} after ${time(took / 1000)}${reason}`);
  by('result').className = response.ok ? '' : 'problem';
  const rows = response.ok ? responseRows(parsed) : undefined;
  showTable(rows);
  by('raw-part').open = !rows;
  const rest = text.length - MOST_TEXT;
  write('raw', rest > 0 ? `${text.slice(0, MOST_TEXT)}\n… and ${rest} characters more` : text);
}

function showTable(response) {
  by('table').hidden = !response;
  if (!response) {
    by('table').replaceChildren();
    return;
  }
  const { names, rows } = response;
  const said = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
  const shown = rows.slice(0, MOST_ROWS).map((row) => row.map(said));
  const count = rows.length === 1 ? '1 row' : `${rows.length} rows`;
  const part = rows.length > MOST_ROWS ? `, the first ${MOST_ROWS} of them` : '';
  by('table').replaceChildren(table(`${count}${part}`, names, shown));
}

async function copy(event) {
  const id = event.currentTarget.dataset.copies;
  const element = by(id);
  try {
    await navigator.clipboard.writeText(element.textContent);
    write('copied', 'Copied.');
  } catch {
    // Without TLS there is no clipboard.
    getSelection().selectAllChildren(element);
    write('copied', 'The text is selected: copy it with the keyboard.');
  }
}

by('form').addEventListener('submit', send);
by('form').addEventListener('change', describe);
by('input').addEventListener('input', () => {
  if (!isNamesChosen) {
    by('names').checked = looksNamed(by('input').value);
  }
  describe();
});
by('names').addEventListener('change', () => {
  isNamesChosen = true;
});
by('kind').addEventListener('change', () => {
  const { label, value } = EXAMPLES[by('kind').value];
  write('input-label', label);
  const isUntouched = Object.values(EXAMPLES).some((one) => one.value === by('input').value);
  if (isUntouched) {
    by('input').value = value;
  }
});
by('access-form').addEventListener('submit', (event) => {
  event.preventDefault();
  token = by('token').value;
  by('token').value = '';
  write('access-status', '');
  hasMetadata = false;
  describe();
  look();
});
for (const button of document.querySelectorAll('.copy')) {
  button.addEventListener('click', copy);
}
document.addEventListener('visibilitychange', look);

by('input').value = EXAMPLES.rows.value;
offer(undefined, 'MODEL');
describe();
look();
