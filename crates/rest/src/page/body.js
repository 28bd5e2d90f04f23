// From what was typed to a request: its body for each protocol, and the lines that send the same
// from elsewhere. Numbers go out with the digits that were typed.

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;
const INTEGER = /^-?\d+$/;

/** What was typed cannot be sent; the text says why, for a person. */
export class Unusable extends Error {}

/** The rows of CSV as lists of texts. What divides values is what the first line has. */
export function parseRows(text) {
  const first = text.split('\n', 1)[0];
  const divider = ['\t', ';', ','].find((one) => first.includes(one)) ?? ',';
  const rows = [];
  let row = [];
  let value = '';
  let inQuotes = false;
  let wasQuoted = false;
  const endValue = () => {
    row.push({ text: wasQuoted ? value : value.trim(), quoted: wasQuoted });
    value = '';
    wasQuoted = false;
  };
  const endRow = () => {
    const isBlank = row.length === 0 && !wasQuoted && value.trim() === '';
    if (!isBlank) {
      endValue();
      rows.push(row);
    }
    row = [];
    value = '';
  };
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at];
    if (inQuotes) {
      if (one !== '"') {
        value += one;
      } else if (text[at + 1] === '"') {
        value += one;
        at += 1;
      } else {
        inQuotes = false;
      }
    } else if (one === '"' && value.trim() === '' && !wasQuoted) {
      inQuotes = true;
      wasQuoted = true;
      value = '';
    } else if (one === divider) {
      endValue();
    } else if (one === '\n') {
      endRow();
    } else if (one !== '\r' && !(wasQuoted && one.trim() === '')) {
      value += one;
    }
  }
  if (inQuotes) {
    throw new Unusable(`The quotes that open in row ${rows.length + 1} do not close.`);
  }
  endRow();
  return rows;
}

const isNumber = (cell) => !cell.quoted && NUMBER.test(cell.text);

/** A number as JSON has it. */
function number(text) {
  const value = Number(text);
  if (!Number.isFinite(value)) {
    throw new Unusable(`${text} is too large for a number.`);
  }
  return JSON_NUMBER.test(text) ? text : String(value);
}

function value(cell) {
  if (isNumber(cell)) {
    return number(cell.text);
  }
  if (!cell.quoted && cell.text === '') {
    return 'null';
  }
  return JSON.stringify(cell.text);
}

/** Whether the first row looks like names: no number in it, and one below it. */
export function looksNamed(text) {
  try {
    const [first, second] = parseRows(text);
    return Boolean(second) && !first.some(isNumber) && second.some(isNumber);
  } catch {
    return false;
  }
}

/** Rows of one length, and the names of their columns if they have any. */
function table(text, isNamed) {
  const rows = parseRows(text);
  const names = isNamed ? rows.shift()?.map((cell) => cell.text) : undefined;
  if (rows.length === 0) {
    throw new Unusable(names ? 'There is no row below the names.' : 'There is no row.');
  }
  const width = (names ?? rows[0]).length;
  const odd = rows.findIndex((row) => row.length !== width);
  if (odd >= 0) {
    const place = `Row ${odd + (names ? 2 : 1)} has ${values(rows[odd].length)}`;
    throw new Unusable(`${place}, the first one has ${values(width)}.`);
  }
  return { rows, names, width };
}

const values = (count) => (count === 1 ? '1 value' : `${count} values`);

function json(text) {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new Unusable(`This is not JSON: ${error.message}`);
  }
  return text.trim();
}

function seldon(typed) {
  if (typed.kind === 'text') {
    return `{"strData":${JSON.stringify(typed.text)}}`;
  }
  if (typed.kind === 'json') {
    return `{"jsonData":${json(typed.text)}}`;
  }
  const { rows, names } = table(typed.text, typed.isNamed);
  const list = rows.map((row) => `[${row.map(value).join(',')}]`).join(',');
  const named = names ? `"names":${JSON.stringify(names)},` : '';
  return `{"data":{${named}"ndarray":[${list}]}}`;
}

/** One input of V2: the numbers as integers if all of them are, and text where any is none. */
function input(name, shape, cells, names) {
  let datatype = 'BYTES';
  if (cells.every(isNumber)) {
    const isSafe = (cell) => INTEGER.test(cell.text) && Number.isSafeInteger(Number(cell.text));
    datatype = cells.every(isSafe) ? 'INT64' : 'FP64';
  }
  const write = datatype === 'BYTES' ? (cell) => JSON.stringify(cell.text) : value;
  const head = `"name":${JSON.stringify(name)},"shape":${JSON.stringify(shape)}`;
  // Parameters of V2 are texts, numbers and booleans: a list is the text of its JSON.
  const list = names && JSON.stringify(JSON.stringify(names));
  const named = list ? `"parameters":{"names":${list}},` : '';
  return `{${head},"datatype":"${datatype}",${named}"data":[${cells.map(write).join(',')}]}`;
}

function v2(typed) {
  if (typed.kind === 'text') {
    const data = JSON.stringify(typed.text);
    return `{"inputs":[{"name":"text","shape":[],"datatype":"BYTES","data":[${data}]}]}`;
  }
  if (typed.kind === 'json') {
    const data = JSON.stringify(json(typed.text));
    const head = '"name":"json","shape":[1],"datatype":"BYTES"';
    return `{"inputs":[{${head},"parameters":{"content_type":"json"},"data":[${data}]}]}`;
  }
  const { rows, names, width } = table(typed.text, typed.isNamed);
  const cells = rows.flat();
  const isOfOneKind = cells.every(isNumber) || !cells.some(isNumber);
  if (isOfOneKind || width === 1) {
    return `{"inputs":[${input('input', [rows.length, width], cells, names)}]}`;
  }
  // Columns of different kinds are inputs of their own.
  const columns = Array.from({ length: width }, (_, at) => {
    const name = names?.[at] || `column_${at}`;
    return input(name, [rows.length, 1], rows.map((row) => row[at]));
  });
  return `{"inputs":[${columns.join(',')}]}`;
}

const PATHS = {
  predict: 'predict',
  transform_input: 'transform-input',
  transform_output: 'transform-output',
  route: 'route',
};

/** The request for what was typed: its address and its body. */
export function request(typed, base) {
  if (typed.protocol === 'v2') {
    const path = `v2/models/${encodeURIComponent(typed.model)}/infer`;
    return { url: new URL(path, base).href, body: v2(typed) };
  }
  return { url: new URL(PATHS[typed.method], base).href, body: seldon(typed) };
}

/** Bodies beyond this are read from a file in the lines to copy. */
const LONG = 4000;

const inShell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const inPython = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** The request as a command of curl. */
export function curl({ url, body }, hasToken) {
  const data = body.length > LONG ? '@request.json' : inShell(body);
  const lines = [`curl -sS ${inShell(url)}`, "-H 'content-type: application/json'"];
  if (hasToken) {
    lines.push('-H "authorization: Bearer $TOKEN"');
  }
  lines.push(`--data-binary ${data}`);
  return lines.join(' \\\n  ');
}

/** The request in Python, which needs nothing beside Python. */
export function python({ url, body }, hasToken) {
  const isLong = body.length > LONG;
  const token = hasToken ? ["    'authorization': 'Bearer ' + os.environ['TOKEN'],"] : [];
  return [
    `import json${hasToken ? ', os' : ''}, urllib.request`,
    '',
    `body = ${isLong ? "open('request.json').read()" : inPython(body)}`,
    'headers = {',
    "    'content-type': 'application/json',",
    ...token,
    '}',
    `request = urllib.request.Request(${inPython(url)}, body.encode(), headers)`,
    'with urllib.request.urlopen(request) as response:',
    '    print(json.load(response))',
  ].join('\n');
}

/** Rows to show of a response's JSON, and their names; nothing where it has none. */
export function responseRows(response) {
  if (Array.isArray(response?.outputs)) {
    return outputRows(response.outputs);
  }
  const data = response?.data;
  let rows = data?.ndarray;
  const shape = data?.tensor?.shape;
  if (shape?.length === 2) {
    const all = data.tensor.values ?? [];
    rows = Array.from({ length: shape[0] }, (_, at) => {
      return all.slice(at * shape[1], (at + 1) * shape[1]);
    });
  }
  if (!Array.isArray(rows) || rows.length === 0) {
    return undefined;
  }
  const cells = rows.map((row) => (Array.isArray(row) ? row : [row]));
  return { names: data.names ?? [], rows: cells };
}

/** The names that an output gives its columns: a list, or the text of one. */
function columnNames(parameters) {
  const names = parameters?.names;
  try {
    const list = typeof names === 'string' ? JSON.parse(names) : names;
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

function outputRows(outputs) {
  const height = outputs[0]?.shape?.[0];
  const fits = (one) => one.shape?.[0] === height && one.shape.length <= 2;
  if (!height || !outputs.every((one) => fits(one) && Array.isArray(one.data))) {
    return undefined;
  }
  const rows = Array.from({ length: height }, () => []);
  const names = [];
  for (const { name, shape, data, parameters } of outputs) {
    const flat = data.flat();
    const width = shape[1] ?? 1;
    const own = columnNames(parameters);
    for (let at = 0; at < width; at += 1) {
      names.push(own[at] ?? (width === 1 ? name : `${name} ${at}`));
    }
    rows.forEach((row, at) => row.push(...flat.slice(at * width, (at + 1) * width)));
  }
  return { names, rows };
}
