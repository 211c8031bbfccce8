// Nearest codes and what they say of a place: labels, support, trust. Exact, Euclidean, as vae/space/neighbours.py. No DOM: workers use it too.

export const VOTERS = 15,
  SHOWN = 5;

export class Codes {
  // data: (N, Z) row after row; labels: (N,)
  constructor(data, size, labels) {
    this.data = data;
    this.size = size;
    this.labels = labels;
    this.count = data.length / size;
    // Dimensions in the order of their spread: most codes are given up after a few of them.
    const spread = Array.from({ length: size }, (_, k) => {
      let sum = 0,
        square = 0;
      for (let i = k; i < data.length; i += size) ((sum += data[i]), (square += data[i] * data[i]));
      return square / this.count - (sum / this.count) ** 2;
    });
    this.order = spread.map((_, k) => k).sort((a, b) => spread[b] - spread[a]);
    this.sorted = new Float32Array(data.length);
    for (let i = 0; i < this.count; i += 1)
      for (let k = 0; k < size; k += 1) this.sorted[i * size + k] = data[i * size + this.order[k]];
    this.query = new Float64Array(size);
  }

  // Rows and distances of the k codes nearest to z, nearest first, equally near ones in the order of their rows; `leave` is a row not to find.
  nearest(z, k = VOTERS, leave = -1) {
    const { sorted, size, count, query } = this;
    const most = Math.min(k, count - (leave >= 0 ? 1 : 0)),
      rows = new Int32Array(most),
      squares = new Float64Array(most).fill(Infinity);
    for (let d = 0; d < size; d += 1) query[d] = z[this.order[d]];
    let worst = Infinity;
    for (let i = 0, at = 0; i < count; i += 1, at += size) {
      const a = sorted[at] - query[0],
        b = size > 1 ? sorted[at + 1] - query[1] : 0;
      let sum = a * a + b * b;
      for (let d = 2; d < size && sum < worst; d += 1) {
        const step = sorted[at + d] - query[d];
        sum += step * step;
      }
      if (!(sum < worst) || i === leave) continue;
      let place = most - 1;
      for (; place > 0 && squares[place - 1] > sum; place -= 1)
        ((squares[place] = squares[place - 1]), (rows[place] = rows[place - 1]));
      squares[place] = sum;
      rows[place] = i;
      worst = squares[most - 1];
    }
    return { rows, distances: squares.map(Math.sqrt) };
  }

  // The five nearest, the shares of labels among the fifteen nearest, and the distance to the nearest.
  ask(z, leave = -1) {
    const { rows, distances } = this.nearest(z, VOTERS, leave),
      votes = {};
    for (const row of rows) votes[this.labels[row]] = (votes[this.labels[row]] ?? 0) + 1 / rows.length;
    const near = Array.from(rows.subarray(0, SHOWN), (index, n) => ({
      index,
      label: this.labels[index],
      distance: distances[n],
    }));
    return { nearest: near, label_votes: votes, distance: distances[0] };
  }

  // The distance of every code to its nearest other code, ascending; of every n-th code where that is enough. Codes stand in the order of their widest dimension:
  // whoever is farther away in it alone than the best found so far ends the search on that side.
  gaps(every = 1) {
    const { sorted, size, count } = this;
    if (count < 2) return new Float64Array(count);
    const turn = Uint32Array.from({ length: count }, (_, i) => i).sort(
      (a, b) => sorted[a * size] - sorted[b * size],
    );
    const rows = new Float32Array(sorted.length),
      out = new Float64Array(Math.ceil(count / every));
    turn.forEach((from, to) => rows.set(sorted.subarray(from * size, (from + 1) * size), to * size));
    const square = (i, j, worst) => {
      let sum = 0;
      for (let d = 0; d < size && sum < worst; d += 1) {
        const step = rows[i * size + d] - rows[j * size + d];
        sum += step * step;
      }
      return sum;
    };
    for (let i = 0; i < count; i += every) {
      let best = Infinity,
        down = i - 1,
        up = i + 1;
      while (down >= 0 || up < count) {
        if (down >= 0) {
          if ((rows[i * size] - rows[down * size]) ** 2 >= best) down = -1;
          else best = Math.min(best, square(i, down--, best));
        }
        if (up < count) {
          if ((rows[up * size] - rows[i * size]) ** 2 >= best) up = count;
          else best = Math.min(best, square(i, up++, best));
        }
      }
      out[i / every] = Math.sqrt(best);
    }
    return out.sort();
  }
}

// How many of the ascending `values` are at most `value`.
function upTo(values, value) {
  let low = 0,
    high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The share of codes that lie farther from their nearest other code than a place at this distance lies from a code.
export const supportAt = (gaps, distance) => 1 - upTo(gaps, distance) / gaps.length;

// The weighted mean of the values (width each) of the points nearest to a place, w = 1 / (d + 1e-6); a point itself has its own value.
export function carry(points, values, width, place) {
  const { rows, distances } = points.nearest(place),
    out = new Float64Array(width);
  if (distances[0] === 0) return Float64Array.from(values.subarray(rows[0] * width, (rows[0] + 1) * width));
  let whole = 0;
  rows.forEach((row, n) => {
    const weight = 1 / (distances[n] + 1e-6);
    whole += weight;
    for (let k = 0; k < width; k += 1) out[k] += weight * values[row * width + k];
  });
  return out.map((value) => value / whole);
}

// For every point: 1 where its k nearest in `view` (rows of `width`) are among its k nearest in `space` (rows of `size`) too, less the farther off they are there
// (Venna & Kaski 2001). Its mean is trustworthiness; with the two exchanged, continuity. Ranks are counted, not sorted: every pair is measured once, and given up
// as soon as it is farther apart than the neighbours of both.
export function pointwise(space, size, view, width, wanted = VOTERS) {
  const near = new Codes(view, width, null),
    { sorted, count: n } = new Codes(space, size, null),
    k = Math.min(wanted, Math.floor((n - 1) / 2));
  const limits = new Float32Array(n * k),
    most = new Float32Array(n),
    counts = new Int32Array(n * k),
    own = new Float32Array(size);
  for (let i = 0; i < n; i += 1) {
    const { rows } = near.nearest(view.subarray(i * width, (i + 1) * width), k, i),
      mine = limits.subarray(i * k, (i + 1) * k);
    for (let m = 0; m < k; m += 1) {
      let sum = 0;
      for (let d = 0; d < size; d += 1) sum += (sorted[i * size + d] - sorted[rows[m] * size + d]) ** 2;
      mine[m] = sum; // rounded to a float as every distance below, so that a neighbour is never nearer than itself
    }
    mine.sort();
    most[i] = mine[k - 1];
  }
  // The first of a point's neighbours that lies farther from it than `distance`.
  const note = (i, distance) => {
    let m = i * k + k - 1;
    while (m > i * k && limits[m - 1] > distance) m -= 1;
    counts[m] += 1;
  };
  for (let i = 0; i < n; i += 1) {
    own.set(sorted.subarray(i * size, (i + 1) * size));
    const mine = most[i];
    for (let j = i + 1, at = j * size; j < n; j += 1, at += size) {
      const far = most[j] > mine ? most[j] : mine;
      let sum = 0,
        d = 0;
      for (; d + 4 <= size && sum <= far; d += 4) {
        const p = own[d] - sorted[at + d],
          q = own[d + 1] - sorted[at + d + 1],
          r = own[d + 2] - sorted[at + d + 2],
          t = own[d + 3] - sorted[at + d + 3];
        sum += p * p + q * q + r * r + t * t;
      }
      for (; d < size && sum <= far; d += 1) {
        const p = own[d] - sorted[at + d];
        sum += p * p;
      }
      if (sum >= far) continue;
      const distance = Math.fround(sum);
      if (distance < mine) note(i, distance);
      if (distance < most[j]) note(j, distance);
    }
  }
  return Float32Array.from({ length: n }, (_, i) => {
    let rank = 1,
      penalty = 0;
    for (let m = i * k; m < (i + 1) * k; m += 1) {
      rank += counts[m];
      penalty += Math.max(0, rank - k);
    }
    return 1 - (2 * penalty) / (k * (2 * n - 3 * k - 1));
  });
}
