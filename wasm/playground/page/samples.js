// Sample lines, and the buttons that put them in. SAMPLES is put in when the page is built.

function startSamples(choose) {
  for (const sample of SAMPLES) {
    $('samples').append(el('button', { type: 'button', onclick: () => choose(sample) }, sample.title));
  }
}
